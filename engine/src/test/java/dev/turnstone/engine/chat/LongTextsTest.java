package dev.turnstone.engine.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class LongTextsTest {
  @Test
  void aShortTextIsWorkedOnWhereItIs() {
    Thread here = Thread.currentThread();
    assertThat(LongTexts.work(10, Thread::currentThread)).isSameAs(here);
    assertThat(LongTexts.work(LongTexts.LONG, Thread::currentThread)).isNotSameAs(here);
  }

  @Test
  void whatFailsFailsTheSameElsewhere() {
    assertThatThrownBy(() ->
            LongTexts.work(
                LongTexts.LONG,
                () -> {
                  throw new IllegalArgumentException("no");
                }))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no");
  }

  @Test
  void whoIsInterruptedTakesItsWorkBack() throws Exception {
    CountDownLatch block = new CountDownLatch(1);
    List<FutureTask<Boolean>> busy = new ArrayList<>();
    int threads = Runtime.getRuntime().availableProcessors();
    CountDownLatch begun = new CountDownLatch(Math.max(1, threads / 2));
    for (int i = 0; i < threads; i++) {
      FutureTask<Boolean> one =
          new FutureTask<>(() ->
              LongTexts.work(
                  LongTexts.LONG,
                  () -> {
                    begun.countDown();
                    return await(block);
                  }));
      busy.add(one);
      Thread.ofVirtual().start(one);
    }
    assertThat(begun.await(10, TimeUnit.SECONDS)).isTrue();
    AtomicBoolean worked = new AtomicBoolean();
    FutureTask<String> waiting =
        new FutureTask<>(() -> {
          try {
            return LongTexts.work(LongTexts.LONG, () -> "" + worked.getAndSet(true));
          } catch (CancellationException e) {
            return "taken back, interrupted: " + Thread.currentThread().isInterrupted();
          }
        });
    Thread waiter = Thread.ofVirtual().start(waiting);
    waiter.interrupt();
    assertThat(waiting.get(10, TimeUnit.SECONDS)).isEqualTo("taken back, interrupted: true");
    block.countDown();
    for (FutureTask<Boolean> one : busy) assertThat(one.get(10, TimeUnit.SECONDS)).isTrue();
    assertThat(LongTexts.work(LongTexts.LONG, () -> "after")).isEqualTo("after");
    assertThat(worked).isFalse();
  }

  private static boolean await(CountDownLatch latch) {
    try {
      return latch.await(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      return false;
    }
  }
}
