package dev.turnstone.upstream.http;

import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/// How long a call may take.
///
/// @param deadline of all of it, on [System#nanoTime]
/// @param silence that a read may wait for a byte; zero for as long as the deadline leaves
record Patience(long deadline, Duration silence) {
  static Patience of(Duration all, Duration silence) {
    return new Patience(System.nanoTime() + all.toNanos(), silence);
  }

  /// Milliseconds that the next wait may take, above zero.
  ///
  /// @throws InterruptedIOException if the thread is interrupted, or no time is left
  int millis(Duration most) throws InterruptedIOException {
    if (Thread.currentThread().isInterrupted()) throw new InterruptedIOException("interrupted");
    long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
    if (left <= 0) throw new SocketTimeoutException("timeout");
    return (int) Math.min(left, most.isZero() ? Integer.MAX_VALUE : most.toMillis());
  }

  int millis() throws InterruptedIOException {
    return millis(silence);
  }

  boolean isOver() {
    return System.nanoTime() - deadline > 0;
  }
}
