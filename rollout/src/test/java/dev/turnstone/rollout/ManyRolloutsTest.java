package dev.turnstone.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ManyRolloutsTest {
  private static final RolloutLimits LIMITS =
      new RolloutLimits(4, 200, 400, 2000, Duration.ofSeconds(60), 3);

  @Test
  void aThousandRolloutsWaitForTheirPolicyAtTheSameTime() throws InterruptedException {
    int rollouts = 1000;
    CyclicBarrier everyone = new CyclicBarrier(rollouts);
    List<Callable<Trajectory>> calls =
        IntStream.range(0, rollouts)
            .<Callable<Trajectory>>mapToObj(
                i -> rollout(i, new ScriptedPolicy((turn, _) -> together(everyone, turn)))::run)
            .toList();

    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Trajectory> trajectories =
          threads.invokeAll(calls).stream().map(Future::resultNow).toList();

      assertThat(trajectories).extracting(Trajectory::stop).containsOnly(StopReason.ANSWER);
      assertThat(trajectories)
          .extracting(trajectory -> trajectory.id().index())
          .containsExactlyElementsOf(IntStream.range(0, rollouts).boxed().toList());
      assertThat(trajectories)
          .allSatisfy(trajectory -> assertThat(Invariants.violation(trajectory)).isEmpty());
    }
  }

  @Test
  void interruptingARolloutThatWaitsCancelsIt() throws InterruptedException {
    CountDownLatch waiting = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    ScriptedPolicy stuck =
        new ScriptedPolicy((_, _) -> {
          waiting.countDown();
          never.await();
          throw new AssertionError("not reached");
        });
    AtomicReference<Trajectory> result = new AtomicReference<>();

    Thread thread = Thread.ofVirtual().start(() -> result.set(rollout(0, stuck).run()));
    waiting.await();
    thread.interrupt();
    thread.join();

    assertThat(result.get().stop()).isEqualTo(StopReason.CANCELLED);
  }

  private static Generation together(CyclicBarrier everyone, int turn)
      throws InterruptedException, Policy.PolicyException {
    try {
      everyone.await(30, TimeUnit.SECONDS);
      return ScriptedPolicy.stopped(turn == 0 ? "CALL echo {}" : "ok", turn);
    } catch (BrokenBarrierException | TimeoutException e) {
      throw new Policy.PolicyException("not everyone came", e);
    }
  }

  private static Rollout rollout(int index, ScriptedPolicy policy) {
    return new Rollout(
        new RolloutId("run", "g", index, 0),
        new Task("t", List.of(new Message.User("hi")), "echo", Json.EMPTY_OBJECT),
        ScriptedEnvironment.echoing(),
        new Rollout.Agent(policy, new ByteChatFormat(), new LineToolCallParser()),
        Sampling.FULL,
        LIMITS,
        System::nanoTime);
  }
}
