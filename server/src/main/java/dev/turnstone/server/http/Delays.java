package dev.turnstone.server.http;

import io.vertx.core.Vertx;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleConsumer;

/// How late things run that should run now: a timer of an event loop, and a virtual thread. What
/// delays them delays every request.
public final class Delays implements AutoCloseable {
  private static final long EVERY_MS = 10;
  private static final long WINDOW = TimeUnit.SECONDS.toNanos(5);
  private static final List<Double> BUCKETS =
      List.of(.001, .002, .005, .01, .02, .05, .1, .2, .5, 1.0, 5.0);

  private final Vertx vertx;
  private final long timer;
  private final Thread watcher;

  private Delays(Vertx vertx, long timer, Thread watcher) {
    this.vertx = vertx;
    this.timer = timer;
    this.watcher = watcher;
  }

  /// Watches from now on.
  static Delays watch(Vertx vertx, Metrics metrics) {
    Late loop = new Late(metrics, "turnstone_event_loop_delay", "How late an event loop runs");
    long timer = vertx.setPeriodic(EVERY_MS, id -> loop.ran());
    Late scheduling =
        new Late(metrics, "turnstone_scheduling_delay", "How late a virtual thread runs");
    Thread watcher =
        Thread.ofVirtual()
            .name("scheduling-delay")
            .start(() -> {
              try {
                while (true) {
                  scheduling.expect();
                  Thread.sleep(EVERY_MS);
                  scheduling.ran();
                }
              } catch (InterruptedException e) {
                // Closed.
              }
            });
    return new Delays(vertx, timer, watcher);
  }

  @Override
  public void close() {
    vertx.cancelTimer(timer);
    watcher.interrupt();
  }

  /// One thing's delays; written by one thread at a time.
  private static final class Late {
    private final DoubleConsumer all;
    private volatile long expected = System.nanoTime() + EVERY_MS * 1_000_000;
    private volatile long window = System.nanoTime();
    private volatile double most;
    private volatile double mostBefore;

    Late(Metrics metrics, String name, String description) {
      all = metrics.histogram(name + "_seconds", description, BUCKETS);
      metrics.gauge(
          name + "_recent_seconds",
          description + ", the most of the last seconds",
          this,
          Late::most);
    }

    void expect() {
      expected = System.nanoTime() + EVERY_MS * 1_000_000;
    }

    void ran() {
      long now = System.nanoTime();
      double late = Math.max(0, now - expected) / 1e9;
      all.accept(late);
      if (now - window > WINDOW) {
        mostBefore = most;
        most = 0;
        window = now;
      }
      most = Math.max(most, late);
      // A timer of Vert.x keeps its rhythm unless it was late.
      expected =
          late > EVERY_MS / 1e3 ? now + EVERY_MS * 1_000_000 : expected + EVERY_MS * 1_000_000;
    }

    double most() {
      return Math.max(most, mostBefore);
    }
  }
}
