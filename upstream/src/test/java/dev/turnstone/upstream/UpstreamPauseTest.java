package dev.turnstone.upstream;

import static dev.turnstone.upstream.TestFleet.PROMPT;
import static dev.turnstone.upstream.TestFleet.await;
import static dev.turnstone.upstream.TestFleet.check;
import static dev.turnstone.upstream.TestFleet.hanging;
import static dev.turnstone.upstream.TestFleet.heard;
import static dev.turnstone.upstream.TestFleet.pausing;
import static dev.turnstone.upstream.TestFleet.request;
import static dev.turnstone.upstream.TestFleet.start;
import static dev.turnstone.upstream.TestFleet.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(60)
class UpstreamPauseTest {
  @RegisterExtension final TestFleet fleet = new TestFleet();

  @Test
  void aPauseHoldsTurnsUntilItEnds() throws Exception {
    UpstreamPolicy policy = fleet.policy(fleet.vllm());
    policy.pause(Pause.KEEP);
    FutureTask<Generation> turn = start(policy, 3);

    await(() -> policy.engines().getFirst().load().inFlight() == 1);
    assertThat(turn.isDone()).isFalse();
    policy.resume();

    check(turn.get(), 3);
  }

  @Test
  void aPauseThatIsAskedForTwiceReturnsBothTimesWhenNothingIsGenerated() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    FutureTask<Generation> turn = heard(policy, engine);
    for (int i = 0; i < 2; i++) {
      Thread pause = Thread.ofVirtual().start(pausing(policy, Pause.WAIT));
      await(() -> pause.getState() == Thread.State.TIMED_WAITING);
    }
    assertThat(turn.isDone()).isFalse();
    engine.hangAfter = Integer.MAX_VALUE;

    policy.pause(Pause.ABORT);

    assertThat(turn.get().ids().size()).isEqualTo(4);
    policy.resume();
    check(policy.generate(request(5)), 5);
  }

  @Test
  void aTurnThatIsCutWhileItsTokenIsHeardEndsThere() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    engine.hangAfter = 4;
    FutureTask<Boolean> pausing = pausing(policy, Pause.ABORT);
    List<Integer> heard = new ArrayList<>();
    Request patient =
        new Request(
            PROMPT, request(10).sampling(), 10, Set.of(FakeModel.STOP), Duration.ofMinutes(5));

    Generation generation =
        policy.generate(
            patient,
            (id, logprob, version) -> {
              heard.add(id);
              if (heard.size() > 1) return;
              Thread.ofVirtual().start(pausing);
              assertThatCode(engine.gone::await).doesNotThrowAnyException();
            });

    assertThat(pausing.get()).isTrue();
    assertThat(generation.finish()).isEqualTo(FinishReason.ABORT);
    check(generation, 1);
  }

  @Test
  void aPauseThatStillWaitsEndsWhenTheTrainerResumes() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    FutureTask<Generation> turn = hanging(policy, engine);
    FutureTask<Boolean> pausing = pausing(policy, Pause.WAIT);
    Thread pause = Thread.ofVirtual().start(pausing);
    await(() -> pause.getState() == Thread.State.TIMED_WAITING);

    policy.resume();

    assertThat(pausing.get()).isTrue();
    assertThat(turn.isDone()).isFalse();
    engine.released = true;
    check(turn.get(), 10);
    assertThat(engine.control).doesNotContain("/pause");
  }

  @Test
  void anEngineThatComesBackInAPauseIsLeftStanding() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    engine.kill();
    await(() -> status(policy, engine).why().isPresent());
    policy.pause(Pause.KEEP);
    engine.control.clear();
    engine.restart();

    await(() -> status(policy, engine).why().orElse("").contains("the trainer's pause is over"));
    assertThat(engine.control).isEmpty();
    policy.resume();

    check(policy.generate(request(3)), 3);
  }
}
