package dev.turnstone.rollout;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/// A clock that stands still until told.
final class FakeClock implements LongSupplier {
  private final AtomicLong nanos = new AtomicLong(42);

  @Override
  public long getAsLong() {
    return nanos.get();
  }

  void advance(Duration time) {
    nanos.addAndGet(time.toNanos());
  }
}
