package dev.turnstone.trainerbridge.runs;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/// What happens in a run, told to whoever watches. A watcher that reads too slowly loses events and
/// is told how many; it never slows the run down.
public final class RunEvents {
  private static final int WAITING = 1024;

  private final List<Watch> watches = new CopyOnWriteArrayList<>();

  /// Watches from now on. The caller closes it.
  public Watch watch() {
    Watch watch = new Watch();
    watches.add(watch);
    return watch;
  }

  void tell(RunEvent event) {
    watches.forEach(watch -> watch.offer(event));
  }

  int watchers() {
    return watches.size();
  }

  /// One watcher's events in order. Read by one thread.
  public final class Watch implements AutoCloseable {
    private final BlockingQueue<RunEvent> waiting = new ArrayBlockingQueue<>(WAITING);
    private final AtomicLong lost = new AtomicLong();

    private Watch() {}

    /// The next event, or empty if none came in time.
    public Optional<RunEvent> next(Duration timeout) throws InterruptedException {
      RunEvent event = waiting.poll();
      if (event == null) {
        long missed = lost.getAndSet(0);
        if (missed > 0) return Optional.of(new RunEvent.Lost(missed));
        event = waiting.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
      }
      return Optional.ofNullable(event);
    }

    private void offer(RunEvent event) {
      if (!waiting.offer(event)) lost.incrementAndGet();
    }

    @Override
    public void close() {
      watches.remove(this);
    }
  }
}
