package dev.turnstone.server.http;

import java.time.Duration;

/// Counts the requests that are being answered, so that a drain can wait for them.
public final class InFlight {
  private int count;
  private boolean closed;

  /// Refuses whoever comes while the server drains.
  public synchronized void checkOpen() {
    if (closed) throw Refused.busy("the server is draining", "draining");
  }

  synchronized void enter() {
    count++;
  }

  synchronized void leave() {
    count--;
    notifyAll();
  }

  /// Those inside.
  public synchronized int count() {
    return count;
  }

  /// Lets nobody in any more.
  public synchronized void shut() {
    closed = true;
  }

  /// Waits for those inside.
  ///
  /// @return whether all have left
  public synchronized boolean empty(Duration patience) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (count > 0) {
      long left = Duration.ofNanos(deadline - System.nanoTime()).toMillis();
      if (left <= 0) return false;
      wait(left);
    }
    return true;
  }
}
