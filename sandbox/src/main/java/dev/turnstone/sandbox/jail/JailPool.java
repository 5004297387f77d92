package dev.turnstone.sandbox.jail;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Keeps virgin jails ready, so that a run does not wait for one to start.
///
/// As many threads as cores each start a jail and wait to put it in; jails are used once.
public final class JailPool implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(JailPool.class);
  private static final Duration PAUSE_AFTER_FAILURE = Duration.ofSeconds(1);

  private final Jails jails;
  private final BlockingQueue<Jail> ready;
  private final List<Thread> fillers;

  public JailPool(Jails jails, int size) {
    this.jails = jails;
    this.ready = new ArrayBlockingQueue<>(size);
    this.fillers =
        IntStream.range(0, Runtime.getRuntime().availableProcessors())
            .mapToObj(i -> Thread.ofVirtual().name("jail-filler-" + i).start(this::fill))
            .toList();
  }

  /// A virgin jail, which the caller must close; empty if none became ready in time.
  public Optional<Jail> take(Duration wait) throws InterruptedException {
    long deadline = System.nanoTime() + wait.toNanos();
    while (true) {
      Jail jail = ready.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (jail == null) return Optional.empty();
      if (jail.alive()) return Optional.of(jail);
      LOG.warn("a waiting jail was killed from outside");
      jail.close();
    }
  }

  private void fill() {
    try {
      while (true) {
        try {
          put(jails.open());
        } catch (JailLost e) {
          if (!Thread.currentThread().isInterrupted())
            LOG.error("cannot start a jail: {}", e.getMessage());
          Thread.sleep(PAUSE_AFTER_FAILURE);
        }
      }
    } catch (InterruptedException e) {
      // Closed.
    }
  }

  private void put(Jail jail) throws InterruptedException {
    try {
      ready.put(jail);
    } catch (InterruptedException e) {
      jail.close();
      throw e;
    }
  }

  @Override
  public void close() {
    fillers.forEach(Thread::interrupt);
    for (Jail jail = ready.poll(); jail != null; jail = ready.poll()) jail.close();
  }
}
