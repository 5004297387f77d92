package dev.turnstone.trainerbridge.weights;

import dev.turnstone.rollout.TrainablePolicy.Verdict;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The bytes of a folder as they are checked, on a thread of its own: the policy loads them
/// meanwhile.
final class ByteCheck implements Verdict, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ByteCheck.class);

  private final FutureTask<Boolean> work;
  private final Thread thread;

  private ByteCheck(FutureTask<Boolean> work, Thread thread) {
    this.work = work;
    this.thread = thread;
  }

  /// Reads all bytes of the weights.
  @FunctionalInterface
  interface Bytes {
    /// Returns if they are what they should be.
    ///
    /// @throws WeightsRejected with one sentence, if they are not
    void check() throws WeightsRejected;
  }

  static ByteCheck begin(Bytes bytes) {
    FutureTask<Boolean> work =
        new FutureTask<>(() -> {
          bytes.check();
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
      if (e.getCause() instanceof InternalError fault) throw changed(fault);
      throw new IllegalStateException("the weights could not be checked", e.getCause());
    }
  }

  /// A mapped file that is cut off while it is read is a fault of memory.
  static WeightsRejected changed(InternalError fault) {
    LOG.warn("weights changed while they were read", fault);
    return new WeightsRejected("the weights' files changed while they were read");
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
