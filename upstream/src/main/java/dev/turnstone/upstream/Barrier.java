package dev.turnstone.upstream;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// Keeps attempts out while weights change, and counts those that are inside. Closed as often as it
/// was opened less: a pause and an update may overlap.
final class Barrier {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private int closed;
  private int inside;

  /// Waits until it is open, and is inside then.
  ///
  /// @return false if it did not open in time
  boolean enter(Duration patience) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = patience.toNanos();
      while (closed > 0 && left > 0) left = changed.awaitNanos(left);
      if (closed > 0) return false;
      inside++;
      return true;
    } finally {
      lock.unlock();
    }
  }

  void leave() {
    lock.lock();
    try {
      inside--;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  void close() {
    lock.lock();
    try {
      closed++;
    } finally {
      lock.unlock();
    }
  }

  void open() {
    lock.lock();
    try {
      closed--;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// Waits until nobody is inside.
  boolean awaitEmpty(Duration patience) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = patience.toNanos();
      while (inside > 0 && left > 0) left = changed.awaitNanos(left);
      return inside == 0;
    } finally {
      lock.unlock();
    }
  }

  boolean closed() {
    lock.lock();
    try {
      return closed > 0;
    } finally {
      lock.unlock();
    }
  }

  int inside() {
    lock.lock();
    try {
      return inside;
    } finally {
      lock.unlock();
    }
  }

  static Duration until(long deadline) {
    return Duration.of(
        Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS.toChronoUnit());
  }
}
