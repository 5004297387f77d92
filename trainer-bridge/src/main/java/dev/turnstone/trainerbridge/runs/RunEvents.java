package dev.turnstone.trainerbridge.runs;

import dev.turnstone.trainerbridge.json.JsonText;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/// What happens in a run, told to whoever watches, and the newest of what has happened since the
/// server began. A watcher that reads too slowly loses events and is told how many; it never slows
/// the run down.
public final class RunEvents {
  private static final int WAITING = 1024;
  private static final int ROLLOUTS_KEPT = 128;
  private static final int OTHERS_KEPT = 4096;

  /// Of these together as JSON: what a trainer says of a step may be long.
  private static final long OTHERS_LENGTH = 8L << 20;

  /// What stays of them when a run has ended and others since.
  private static final int TRIMMED = 64;

  private static final long TRIMMED_LENGTH = 64L << 10;

  private final ReentrantLock lock = new ReentrantLock();
  private final List<Watch> watches = new ArrayList<>();
  private final Deque<Numbered> rollouts = new ArrayDeque<>();
  private final Deque<Numbered> others = new ArrayDeque<>();
  private long othersLength;
  private long ended;

  /// Numbers begin with the clock, so that those of a server before this one are smaller.
  private long newest = System.currentTimeMillis() * 1000;

  /// An event and its place among the run's.
  ///
  /// @param length as JSON; 0 for a rollout, of which few are kept
  private record Numbered(long number, RunEvent event, int length) {}

  /// Watches from now on. The caller closes it.
  public Watch watch() {
    return watch(Long.MAX_VALUE);
  }

  /// Watches what is still known of the events after one of them, and from now on. The caller
  /// closes it.
  ///
  /// @param after an event's number; 0 for all that is known
  public Watch watch(long after) {
    lock.lock();
    try {
      List<Numbered> past = new ArrayList<>();
      rollouts.stream().filter(event -> event.number() > after).forEach(past::add);
      others.stream().filter(event -> event.number() > after).forEach(past::add);
      past.sort(Comparator.comparingLong(Numbered::number));
      Watch watch = new Watch(past);
      watches.add(watch);
      return watch;
    } finally {
      lock.unlock();
    }
  }

  void tell(RunEvent event) {
    boolean rollout = event instanceof RunEvent.RolloutFinished;
    int length = rollout ? 0 : JsonText.write(event.toJson()).length();
    lock.lock();
    try {
      Numbered numbered = new Numbered(++newest, event, length);
      if (rollout) keepRollout(numbered);
      else keepOther(numbered);
      if (event instanceof RunEvent.Ended) ended = newest;
      watches.forEach(watch -> watch.offer(numbered));
    } finally {
      lock.unlock();
    }
  }

  private void keepRollout(Numbered event) {
    if (rollouts.size() == ROLLOUTS_KEPT) rollouts.removeFirst();
    rollouts.addLast(event);
  }

  private void keepOther(Numbered event) {
    others.addLast(event);
    othersLength += event.length();
    while (others.size() > OTHERS_KEPT || othersLength > OTHERS_LENGTH)
      othersLength -= others.removeFirst().length();
  }

  /// The number of the event that ended the run; 0 while it goes on.
  long ended() {
    lock.lock();
    try {
      return ended;
    } finally {
      lock.unlock();
    }
  }

  /// Keeps only the newest few, of a run that ended long ago.
  void trim() {
    lock.lock();
    try {
      rollouts.clear();
      while (others.size() > TRIMMED || othersLength > TRIMMED_LENGTH)
        othersLength -= others.removeFirst().length();
    } finally {
      lock.unlock();
    }
  }

  /// One watcher's events in order. Read by one thread.
  public final class Watch implements AutoCloseable {
    private final Deque<Numbered> past;
    private final BlockingQueue<Numbered> waiting = new ArrayBlockingQueue<>(WAITING);
    private final AtomicLong lost = new AtomicLong();
    private long number;

    private Watch(List<Numbered> past) {
      this.past = new ArrayDeque<>(past);
    }

    /// The next event, or empty if none came in time.
    public Optional<RunEvent> next(Duration timeout) throws InterruptedException {
      Numbered event = past.isEmpty() ? waiting.poll() : past.removeFirst();
      if (event == null) {
        long missed = lost.getAndSet(0);
        if (missed > 0) return Optional.of(new RunEvent.Lost(missed));
        event = waiting.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
      }
      if (event == null) return Optional.empty();
      number = event.number();
      return Optional.of(event.event());
    }

    /// The number of the newest event that [#next] gave; 0 before the first. A count of lost events
    /// has none of its own.
    public long number() {
      return number;
    }

    private void offer(Numbered event) {
      if (!waiting.offer(event)) lost.incrementAndGet();
    }

    @Override
    public void close() {
      lock.lock();
      try {
        watches.remove(this);
      } finally {
        lock.unlock();
      }
    }
  }
}
