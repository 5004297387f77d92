package dev.turnstone.envadapters.tools;

import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.Peers;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/// The bounds that one tool puts on all rollouts together: calls in flight, first come first
/// served, and calls started a second. Waiting here costs the rollout's time, not the call's.
public final class Throttle {
  private final Optional<Semaphore> places;
  private final long intervalNanos;
  private final Peers.Pause pause;
  private long nextNanos = Long.MIN_VALUE;

  public Throttle(CallRules rules, Peers.Pause pause) {
    this.places =
        rules.concurrency() == 0
            ? Optional.empty()
            : Optional.of(new Semaphore(rules.concurrency(), true));
    this.intervalNanos =
        rules.ratePerSecond() == 0
            ? 0
            : (long) (Duration.ofSeconds(1).toNanos() / rules.ratePerSecond());
    this.pause = pause;
  }

  /// Waits for a place and a moment; [#leave] must follow if there was one.
  ///
  /// @return whether there was one before the deadline
  public boolean enter(Deadline deadline) throws InterruptedException {
    if (places.isPresent()
        && !places.get().tryAcquire(deadline.remaining().toNanos(), TimeUnit.NANOSECONDS))
      return false;
    boolean entered = false;
    try {
      Optional<Duration> wait = reserve(deadline);
      if (wait.isPresent() && wait.get().isPositive()) pause.of(wait.get());
      entered = wait.isPresent();
      return entered;
    } finally {
      if (!entered) leave();
    }
  }

  public void leave() {
    places.ifPresent(Semaphore::release);
  }

  private synchronized Optional<Duration> reserve(Deadline deadline) {
    if (intervalNanos == 0) return Optional.of(Duration.ZERO);
    long now = deadline.nanoTime().getAsLong();
    long at = nextNanos == Long.MIN_VALUE ? now : Math.max(now, nextNanos);
    Duration wait = Duration.ofNanos(at - now);
    if (wait.compareTo(deadline.remaining()) >= 0) return Optional.empty();
    nextNanos = at + intervalNanos;
    return Optional.of(wait);
  }
}
