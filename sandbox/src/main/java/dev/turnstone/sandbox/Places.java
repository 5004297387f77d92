package dev.turnstone.sandbox;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/// How many programs run at once, and the queue of those that wait for a place: first come, first
/// served, bounded in length and in time.
final class Places {
  /// One program's. Closing gives it back.
  record Place(Duration waited, Semaphore free) implements AutoCloseable {
    @Override
    public void close() {
      free.release();
    }
  }

  private final int count;
  private final int maxWaiting;
  private final Duration wait;
  private final Semaphore free;
  private final AtomicInteger waiting = new AtomicInteger();

  Places(int count, int maxWaiting, Duration wait) {
    this.count = count;
    this.maxWaiting = maxWaiting;
    this.wait = wait;
    this.free = new Semaphore(count, true);
  }

  Place take() throws SandboxBusy, InterruptedException {
    long asked = System.nanoTime();
    if (!free.tryAcquire(0, TimeUnit.NANOSECONDS)) await(); // timed: never ahead of the queue
    return new Place(Duration.ofNanos(System.nanoTime() - asked), free);
  }

  private void await() throws SandboxBusy, InterruptedException {
    try {
      if (waiting.incrementAndGet() > maxWaiting)
        throw new SandboxBusy("%d programs wait already".formatted(maxWaiting));
      if (!free.tryAcquire(wait.toNanos(), TimeUnit.NANOSECONDS))
        throw new SandboxBusy(
            "all %d places stayed busy for %s s".formatted(count, wait.toMillis() / 1e3), wait);
    } finally {
      waiting.decrementAndGet();
    }
  }

  int waiting() {
    return waiting.get();
  }

  int running() {
    return count - free.availablePermits();
  }
}
