package dev.turnstone.server.http;

import java.util.OptionalInt;
import java.util.function.LongSupplier;

/// How much one key may ask for: requests at once, and requests per minute, as a bucket that holds
/// a minute's worth.
public final class KeyLimit implements Admission {
  private static final double NANOS_PER_MINUTE = 60e9;

  private final OptionalInt atOnce;
  private final OptionalInt perMinute;
  private final LongSupplier nanoTime;
  private int inFlight;
  private double left;
  private long seen;

  public KeyLimit(OptionalInt atOnce, OptionalInt perMinute, LongSupplier nanoTime) {
    this.atOnce = atOnce;
    this.perMinute = perMinute;
    this.nanoTime = nanoTime;
    this.left = perMinute.orElse(0);
    this.seen = nanoTime.getAsLong();
  }

  /// No limit.
  public static KeyLimit none() {
    return new KeyLimit(OptionalInt.empty(), OptionalInt.empty(), System::nanoTime);
  }

  @Override
  public synchronized void enter() {
    if (atOnce.isPresent() && inFlight >= atOnce.getAsInt())
      throw Refused.limited(
          "the key has %d requests in flight, which is its limit".formatted(inFlight), 1);
    if (perMinute.isPresent()) take(perMinute.getAsInt());
    inFlight++;
  }

  private void take(int limit) {
    long now = nanoTime.getAsLong();
    left = Math.min(limit, left + (now - seen) * limit / NANOS_PER_MINUTE);
    seen = now;
    if (left < 1)
      throw Refused.limited(
          "the key's limit is %d requests per minute".formatted(limit),
          (int) Math.ceil((1 - left) * 60 / limit));
    left--;
  }

  @Override
  public synchronized void leave() {
    inFlight--;
  }
}
