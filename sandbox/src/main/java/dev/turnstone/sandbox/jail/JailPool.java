package dev.turnstone.sandbox.jail;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Keeps virgin jails ready, so that a run does not wait for one to start.
///
/// As many threads as cores each start a jail and wait to put it in; jails are used once. While
/// enough are ready, they wait for a moment in which no program runs, since starting a jail takes
/// the CPU that the program needs.
public final class JailPool implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(JailPool.class);
  private static final Duration PAUSE_AFTER_FAILURE = Duration.ofSeconds(1);

  /// How long a pool that has enough waits for such a moment.
  private static final Duration PATIENCE = Duration.ofMillis(40);

  /// For the answer of what has just run to go out.
  private static final Duration AFTERWARDS = Duration.ofMillis(4);

  private final Jails jails;
  private final int enough;
  private final BlockingQueue<Jail> ready;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition idle = lock.newCondition();
  private int running;
  private final List<Thread> fillers;

  public JailPool(Jails jails, int size) {
    this.jails = jails;
    this.enough = (size + 1) / 2;
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

  /// A program starts; [#ended] must follow.
  public void began() {
    lock.lock();
    try {
      running++;
    } finally {
      lock.unlock();
    }
  }

  public void ended() {
    lock.lock();
    try {
      if (--running == 0) idle.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// Whether there was something to wait for.
  private boolean awaitMoment() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      boolean waited = false;
      long left = PATIENCE.toNanos();
      while (running > 0 && ready.size() >= enough && left > 0) {
        left = idle.awaitNanos(left);
        waited = true;
      }
      return waited;
    } finally {
      lock.unlock();
    }
  }

  private void fill() {
    try {
      while (true) {
        try {
          if (awaitMoment()) Thread.sleep(AFTERWARDS);
          put(likely(jails.open()));
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

  /// With the memory that most programs ask for, so that they need not wait for the kernel.
  private static Jail likely(Jail jail) throws JailLost {
    try {
      jail.limitMemory((long) Limits.MEMORY_MB << 20);
      return jail;
    } catch (JailLost e) {
      jail.close();
      throw e;
    }
  }

  /// Closes a jail whose program has ended, off the way of its answer.
  public void retire(Jail jail) {
    var _ = Thread.ofVirtual().name("jail-closer").start(() -> closeLater(jail));
  }

  private static void closeLater(Jail jail) {
    try (jail) {
      Thread.sleep(AFTERWARDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
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
