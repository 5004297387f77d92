package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.wire.FeedJson;
import dev.turnstone.trainerbridge.wire.FeedMessage.Heartbeat;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One connection's signs of life, from a thread of their own: a writer that waits for the log or
/// for a peer that reads slowly does not hold them up.
final class Heartbeats {
  private static final Duration LONGEST_SLEEP = Duration.ofMillis(250);
  private static final Logger LOG = LoggerFactory.getLogger(Heartbeats.class);

  private final FeedSocket socket;
  private final LongSupplier nanoTime;
  private final Supplier<Duration> pace;
  private final AtomicLong last;
  private volatile Optional<Thread> thread = Optional.empty();

  /// @param pace asked before each wait: a hello may change it
  Heartbeats(FeedSocket socket, LongSupplier nanoTime, Supplier<Duration> pace) {
    this.socket = socket;
    this.nanoTime = nanoTime;
    this.pace = pace;
    last = new AtomicLong(nanoTime.getAsLong());
  }

  /// Begins to send. Call once.
  ///
  /// @param lost told if the connection takes nothing any more
  void start(Runnable lost) {
    thread = Optional.of(Thread.ofVirtual().name("feed-beat").start(() -> run(lost)));
  }

  void stop() {
    thread.ifPresent(Thread::interrupt);
  }

  private void run(Runnable lost) {
    try {
      while (true) {
        // A hello may set a shorter pace meanwhile.
        Thread.sleep(left().compareTo(LONGEST_SLEEP) < 0 ? left() : LONGEST_SLEEP);
        beat();
      }
    } catch (InterruptedException e) {
      // The connection is over.
    } catch (IOException e) {
      lost.run();
    } catch (RuntimeException | Error e) {
      LOG.error("a feed's heartbeats failed", e);
      lost.run();
    }
  }

  /// Until the next is due.
  Duration left() {
    long left = last.get() + pace.get().toNanos() - nanoTime.getAsLong();
    return Duration.ofNanos(Math.max(0, left));
  }

  /// Sends one if it is due.
  void beat() throws IOException, InterruptedException {
    long then = last.get();
    long now = nanoTime.getAsLong();
    if (now - then < pace.get().toNanos() || !last.compareAndSet(then, now)) return;
    socket.text(FeedJson.encode(Heartbeat.now()));
  }
}
