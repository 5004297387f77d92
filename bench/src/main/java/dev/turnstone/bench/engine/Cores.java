package dev.turnstone.bench.engine;

import dev.turnstone.engine.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;

/// One thread per core, each with one thread of libtorch's, which begin together and are timed
/// until the last has ended.
final class Cores implements AutoCloseable {
  private final int count;
  private final ExecutorService threads;

  Cores(int count) {
    this.count = count;
    threads =
        Executors.newFixedThreadPool(
            count, task -> Thread.ofPlatform().name("floor").daemon(true).unstarted(task));
  }

  int count() {
    return count;
  }

  /// Nanoseconds until every core has done its part.
  long time(IntFunction<Callable<?>> parts) throws Exception {
    var started = new AtomicLong();
    var begin = new CyclicBarrier(count, () -> started.set(System.nanoTime()));
    List<Future<Long>> running = new ArrayList<>();
    for (int core = 0; core < count; core++) {
      Callable<?> part = parts.apply(core);
      running.add(
          threads.submit(() -> {
            Model.prepareThread(1);
            begin.await();
            part.call();
            return System.nanoTime();
          }));
    }
    long ended = 0;
    for (Future<Long> part : running) ended = Math.max(ended, part.get() - started.get());
    return ended;
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
