package dev.turnstone.engine.lanes;

import dev.turnstone.engine.Model;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;

/// The lanes' threads: lane 0 is the caller's own, the others wait for the next task. All lanes run
/// the same task, each with its number, and meet in its course as often as they like.
final class LaneTeam implements AutoCloseable {
  private static final int SPINS = 2000;

  private final Meeting meeting;
  private final Thread[] others;
  private volatile IntConsumer task = LaneTeam::rest;
  private final AtomicInteger tasks = new AtomicInteger();
  private volatile boolean open = true;
  private volatile Throwable failure = new IllegalStateException("none");
  private volatile boolean failed;

  LaneTeam(int lanes) {
    meeting = new Meeting(lanes);
    others = new Thread[lanes - 1];
    for (int i = 0; i < others.length; i++) {
      int lane = i + 1;
      // Platform threads: what they call would pin a virtual thread's carrier.
      others[i] = Thread.ofPlatform().name("lane-" + lane).daemon(true).start(() -> work(lane));
    }
  }

  int lanes() {
    return others.length + 1;
  }

  /// Waits for the other lanes; only within a task.
  void meet() {
    meeting.await();
  }

  /// Runs a task on all lanes and returns when the last has finished.
  ///
  /// @throws RuntimeException what a lane threw; the team can be used again
  void run(IntConsumer next) {
    task = next;
    tasks.incrementAndGet();
    for (Thread other : others) LockSupport.unpark(other);
    attempt(0);
    meeting.finish();
    if (!failed) return;
    failed = false;
    meeting.mend();
    if (failure instanceof RuntimeException e) throw e;
    throw new IllegalStateException("a lane failed", failure);
  }

  private static void rest(int lane) {}

  private void attempt(int lane) {
    try {
      task.accept(lane);
    } catch (RuntimeException | Error e) {
      // The first one says why; the others only say that they waited for it.
      if (!failed) failure = e;
      failed = true;
      meeting.breakUp();
    }
  }

  private void work(int lane) {
    Model.prepareThread(1);
    int done = 0;
    for (int spins = 0; open; spins++) {
      if (tasks.get() != done) {
        done++;
        attempt(lane);
        meeting.finish();
        spins = 0;
      } else if (spins < SPINS) {
        Thread.onSpinWait();
      } else {
        LockSupport.park(this);
      }
    }
  }

  /// Ends the threads; only between tasks.
  @Override
  public void close() {
    open = false;
    for (Thread other : others) LockSupport.unpark(other);
  }
}
