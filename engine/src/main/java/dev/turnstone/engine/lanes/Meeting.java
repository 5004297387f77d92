package dev.turnstone.engine.lanes;

import java.util.concurrent.atomic.AtomicInteger;

/// Where the lanes of a step wait for each other: a barrier that spins, because a stage takes tens
/// of microseconds, and gives its core away when others want it.
final class Meeting {
  private static final int SPINS = 2000;

  /// One of a sequence of waits.
  private static final class Round {
    final AtomicInteger arrived = new AtomicInteger();
    volatile int number;
  }

  private final int lanes;
  private final Round within = new Round();
  private final Round end = new Round();
  private volatile boolean broken;

  Meeting(int lanes) {
    this.lanes = lanes;
  }

  /// Returns when all lanes are here; what each wrote before is visible to all after.
  ///
  /// @throws IllegalStateException if a lane has failed and will not come
  void await() {
    if (lanes > 1 && !pass(within, true)) throw new IllegalStateException("another lane failed");
  }

  /// Returns when all lanes have ended their task, failed or not.
  void finish() {
    if (lanes > 1) pass(end, false);
  }

  @SuppressWarnings("ThreadPriorityCheck") // yields only where others want the core
  private boolean pass(Round round, boolean breakable) {
    int mine = round.number;
    if (round.arrived.incrementAndGet() == lanes) {
      round.arrived.set(0);
      round.number = mine + 1;
      return true;
    }
    for (int spins = 0; round.number == mine; spins++) {
      if (breakable && broken) return false;
      if (spins < SPINS) Thread.onSpinWait();
      else Thread.yield();
    }
    return true;
  }

  /// Says that a lane will not come any more.
  void breakUp() {
    broken = true;
  }

  /// Makes it whole again, when no lane is in it.
  void mend() {
    within.arrived.set(0);
    broken = false;
  }
}
