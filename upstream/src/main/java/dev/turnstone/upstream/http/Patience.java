package dev.turnstone.upstream.http;

import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/// How long a call may take.
///
/// @param deadline of all of it, on [System#nanoTime]
/// @param silence that a read may wait for a byte; zero for as long as the deadline leaves
record Patience(long deadline, Duration silence) {
  static Patience of(Duration all, Duration silence) {
    return new Patience(System.nanoTime() + all.toNanos(), silence);
  }

  /// Milliseconds that a wait may take, above zero and at most `most`.
  ///
  /// @throws InterruptedIOException if the thread is interrupted, or no time is left
  int millis(Duration most) throws InterruptedIOException {
    if (Thread.currentThread().isInterrupted()) throw new InterruptedIOException("interrupted");
    long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
    if (left <= 0) throw new SocketTimeoutException("timeout");
    return (int) Math.min(left, most.toMillis());
  }

  /// Whether nothing may go on any more.
  ///
  /// @param since when a byte is waited for, on [System#nanoTime]
  boolean isOver(OptionalLong since) {
    long now = System.nanoTime();
    boolean silent = since.isPresent() && now - since.getAsLong() > silence.toNanos();
    return now - deadline > 0 || (silent && !silence.isZero());
  }
}
