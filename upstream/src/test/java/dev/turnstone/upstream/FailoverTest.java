package dev.turnstone.upstream;

import static dev.turnstone.upstream.TestFleet.PROMPT;
import static dev.turnstone.upstream.TestFleet.await;
import static dev.turnstone.upstream.TestFleet.check;
import static dev.turnstone.upstream.TestFleet.penalised;
import static dev.turnstone.upstream.TestFleet.request;
import static dev.turnstone.upstream.TestFleet.start;
import static dev.turnstone.upstream.TestFleet.status;
import static dev.turnstone.upstream.TestFleet.update;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Penalties;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.upstream.EngineSpec.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(60)
class FailoverTest {
  @RegisterExtension final TestFleet fleet = new TestFleet();

  @Test
  void aTurnGoesOnElsewhereFromItsTokensWhenItsEngineBreaksOff() throws Exception {
    FakeEngine first = fleet.vllm();
    FakeEngine second = fleet.engine(Kind.SGLANG);
    UpstreamPolicy policy = fleet.policy(first, second);
    first.breakAfter = 6;
    second.breakAfter = 9;

    check(policy.generate(request(30)), 30);
  }

  @Test
  void anEngineThatDiesIsEjectedAndComesBackWhenItDoes() throws Exception {
    FakeEngine mortal = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(mortal, fleet.vllm());
    mortal.hangAfter = 3;
    List<FutureTask<Generation>> turns = new ArrayList<>();
    for (int i = 0; i < 4; i++) turns.add(start(policy, 12));
    mortal.hanging.await();
    mortal.kill();

    for (FutureTask<Generation> turn : turns) check(turn.get(), 12);
    await(() -> status(policy, mortal).why().isPresent());
    mortal.restart();
    await(() -> status(policy, mortal).why().isEmpty());
  }

  @Test
  void aTimeOutAndAnInterruptEndTheRequestAtTheEngine() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    engine.hangAfter = 2;
    Request brief =
        new Request(PROMPT, Sampling.FULL, 10, Set.of(FakeModel.STOP), Duration.ofSeconds(3));

    Generation generation = policy.generate(brief);

    assertThat(generation.finish()).isEqualTo(FinishReason.ABORT);
    assertThat(generation.ids().size()).isEqualTo(2);
    engine.gone.await();

    CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
    int before = engine.asked.size();
    Thread turn =
        Thread.ofVirtual()
            .start(() -> {
              try {
                policy.generate(request(10));
                interrupted.complete(false);
              } catch (InterruptedException e) {
                interrupted.complete(true);
              } catch (PolicyException e) {
                interrupted.completeExceptionally(e);
              }
            });
    await(() -> engine.asked.size() > before);
    turn.interrupt();
    assertThat(interrupted.get()).isTrue();
    await(() -> policy.engines().getFirst().load().inFlight() == 0);
  }

  @Test
  void aTurnWithPenaltiesDoesNotGoOnElsewhere() throws Exception {
    FakeEngine first = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(first);
    first.breakAfter = 3;
    Request penalised = penalised(new Penalties(0, 0.5, 1));

    assertThatThrownBy(() -> policy.generate(penalised))
        .isInstanceOf(PolicyException.class)
        .hasMessageContaining(first.spec().name())
        .hasMessageContaining("cannot go on elsewhere");
  }

  @Test
  void anEngineThatComesBackGetsTheNewestWeightsFirst() throws Exception {
    FakeEngine mortal = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(mortal, fleet.vllm());
    policy.apply(update(1, Pause.KEEP));
    mortal.kill();
    await(() -> status(policy, mortal).why().isPresent());
    mortal.restart();
    await(() -> status(policy, mortal).why().isEmpty());

    assertThat(mortal.version).isEqualTo(1);
    for (int i = 0; i < 4; i++) check(policy.generate(request(5)), 5);
  }
}
