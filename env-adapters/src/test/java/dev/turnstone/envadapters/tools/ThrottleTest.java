package dev.turnstone.envadapters.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.envadapters.peer.Deadline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Time is the test's own: what a call waits is written down and passes at once.
@Timeout(20)
final class ThrottleTest {
  private final AtomicLong now = new AtomicLong();
  private final List<Duration> waits = new ArrayList<>();

  @Test
  void callsAreStartedAsOftenAsTheRateSays() throws InterruptedException {
    Throttle throttle = throttle(0, 4);
    Deadline deadline = deadline(60);

    for (int i = 0; i < 4; i++) assertThat(throttle.enter(deadline)).isTrue();
    now.addAndGet(Duration.ofSeconds(10).toNanos());
    assertThat(throttle.enter(deadline)).isTrue();

    // The first and, after a rest, the last wait for nothing: rests are not saved up.
    assertThat(waits).containsOnly(Duration.ofMillis(250)).hasSize(3);
  }

  @Test
  void aCallWhoseTurnComesTooLateIsNotStartedAndTakesNoTurn() throws InterruptedException {
    Throttle throttle = throttle(1, 1);
    assertThat(throttle.enter(deadline(60))).isTrue();
    throttle.leave();

    assertThat(throttle.enter(deadline(0.5))).isFalse();
    assertThat(throttle.enter(deadline(60))).isTrue();

    assertThat(waits).containsExactly(Duration.ofSeconds(1));
  }

  @Test
  void callsInFlightAreBoundedAndTheNextOneWaitsForAPlace() throws Exception {
    Throttle throttle = throttle(2, 0);
    assertThat(throttle.enter(deadline(60))).isTrue();
    assertThat(throttle.enter(deadline(60))).isTrue();
    assertThat(throttle.enter(deadline(0))).isFalse();

    CompletableFuture<Boolean> third = new CompletableFuture<>();
    Thread waiting =
        Thread.startVirtualThread(() -> {
          try {
            third.complete(throttle.enter(deadline(60)));
          } catch (InterruptedException e) {
            third.completeExceptionally(e);
          }
        });
    assertThat(third).isNotDone();
    throttle.leave();

    assertThat(third.get(10, TimeUnit.SECONDS)).isTrue();
    waiting.join();
    assertThat(throttle.enter(deadline(0))).isFalse();
  }

  @Test
  void withoutBoundsNothingWaits() throws InterruptedException {
    Throttle throttle = throttle(0, 0);

    for (int i = 0; i < 1000; i++) assertThat(throttle.enter(deadline(1))).isTrue();
    assertThat(waits).isEmpty();
  }

  private Throttle throttle(int concurrency, double rate) {
    CallRules.Output output = new CallRules.Output(100, CallRules.Keep.HEAD);
    return new Throttle(
        new CallRules(false, false, concurrency, rate, output),
        wait -> {
          waits.add(wait);
          now.addAndGet(wait.toNanos());
        });
  }

  private Deadline deadline(double seconds) {
    return Deadline.in(Duration.ofNanos((long) (seconds * 1e9)), now::get);
  }
}
