package dev.turnstone.trainerbridge.weights;

import dev.turnstone.rollout.TrainablePolicy.Verdict;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/// The bytes of a folder as they are checked, on a thread of its own: the policy loads them
/// meanwhile.
final class ByteCheck implements Verdict, AutoCloseable {
  private final FutureTask<Boolean> work;
  private final Thread thread;

  private ByteCheck(FutureTask<Boolean> work, Thread thread) {
    this.work = work;
    this.thread = thread;
  }

  static ByteCheck begin(WeightsCheck check) {
    FutureTask<Boolean> work =
        new FutureTask<>(() -> {
          check.bytes();
          return true;
        });
    // A platform thread: hashing would keep a virtual one's carrier from everybody else.
    return new ByteCheck(work, Thread.ofPlatform().name("weights-check").daemon().start(work));
  }

  @Override
  public void await() throws WeightsRejected, InterruptedException {
    try {
      boolean _ = work.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof WeightsRejected why) throw why;
      throw new IllegalStateException("the weights could not be checked", e.getCause());
    }
  }

  /// Waits for the thread, so that nobody reads the files any more.
  @Override
  public void close() {
    boolean interrupted = false;
    while (true)
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    if (interrupted) Thread.currentThread().interrupt();
  }
}
