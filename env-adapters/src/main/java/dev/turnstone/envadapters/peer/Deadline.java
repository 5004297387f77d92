package dev.turnstone.envadapters.peer;

import java.time.Duration;
import java.util.function.LongSupplier;

/// The moment after which a session's work is in vain.
///
/// @param endNanos on the clock
/// @param nanoTime a clock such as `System::nanoTime`
public record Deadline(long endNanos, LongSupplier nanoTime) {
  public static Deadline in(Duration time, LongSupplier nanoTime) {
    // A day is as good as forever for one rollout, and cannot overflow.
    Duration capped = time.compareTo(Duration.ofDays(1)) < 0 ? time : Duration.ofDays(1);
    return new Deadline(nanoTime.getAsLong() + capped.toNanos(), nanoTime);
  }

  /// Never negative.
  public Duration remaining() {
    return Duration.ofNanos(Math.max(0, endNanos - nanoTime.getAsLong()));
  }

  public boolean passed() {
    return remaining().isZero();
  }

  /// The shorter of `time` and what remains.
  public Duration cap(Duration time) {
    Duration remaining = remaining();
    return time.compareTo(remaining) < 0 ? time : remaining;
  }
}
