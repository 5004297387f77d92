package dev.turnstone.upstream;

import static dev.turnstone.upstream.TestFleet.PROMPT;
import static dev.turnstone.upstream.TestFleet.await;
import static dev.turnstone.upstream.TestFleet.check;
import static dev.turnstone.upstream.TestFleet.heard;
import static dev.turnstone.upstream.TestFleet.loads;
import static dev.turnstone.upstream.TestFleet.penalised;
import static dev.turnstone.upstream.TestFleet.request;
import static dev.turnstone.upstream.TestFleet.status;
import static dev.turnstone.upstream.TestFleet.update;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Penalties;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.upstream.EngineSpec.Kind;
import dev.turnstone.upstream.EngineSpec.WeightsBy;
import dev.turnstone.upstream.FakeEngine.Fault;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class FleetWeightsTest {
  @RegisterExtension final TestFleet fleet = new TestFleet();

  @Test
  void anUpdateReachesEveryEngineAndSplitsARunningTurnAtTheRightToken() throws Exception {
    FakeEngine first = fleet.vllm();
    FakeEngine second = fleet.engine(Kind.SGLANG);
    UpstreamPolicy policy = fleet.policy(first, second);
    String salt = first.asked.getLast().path("cache_salt").asText();
    assertThat(salt).matches("[A-Za-z0-9._-]{1,128}");
    first.hangAfter = 4;
    second.hangAfter = 4;
    CountDownLatch arrived = new CountDownLatch(4);
    FutureTask<Generation> turn =
        new FutureTask<>(
            () -> policy.generate(request(10), (id, logprob, version) -> arrived.countDown()));
    Thread.ofVirtual().start(turn);
    arrived.await();
    first.hangAfter = Integer.MAX_VALUE;
    second.hangAfter = Integer.MAX_VALUE;

    policy.apply(update(1, Pause.KEEP));

    Generation generation = turn.get();
    check(generation, 10);
    assertThat(generation.versions().starts()).containsExactly(0, 4);
    assertThat(generation.versions().values()).containsExactly(0, 1);
    assertThat(policy.weights().version()).isEqualTo(1);
    assertThat(first.control).contains("/pause", "/collective_rpc", "/resume");
    assertThat(second.control)
        .contains("/pause_generation", "/update_weights_from_disk", "/continue_generation");
    assertThat(first.asked.getLast().path("cache_salt").asText()).isNotEqualTo(salt);
  }

  @Test
  void anEngineThatDoesNotTakeTheWeightsIsEjectedByName() throws Exception {
    FakeEngine deaf = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(deaf, fleet.vllm(), fleet.vllm());
    deaf.fault = Fault.NO_LOAD;

    policy.apply(update(1, Pause.WAIT));

    assertThat(status(policy, deaf).ejections()).isEqualTo(1);
    for (int i = 0; i < 6; i++) {
      Generation generation = policy.generate(request(5));
      assertThat(generation.versions().values()).containsExactly(1);
      check(generation, 5);
    }
  }

  @Test
  void weightsThatNoEngineTakesAreRejected() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    engine.kill();

    assertThatThrownBy(() -> policy.apply(update(1, Pause.KEEP)))
        .isInstanceOf(WeightsRejected.class)
        .hasMessageContaining("no engine");
    assertThat(policy.weights().version()).isZero();
  }

  /// What no fake engine answers to a trainer's liking.
  private static WeightsUpdate refused(int version) {
    WeightsUpdate update = update(version, Pause.KEEP);
    return new WeightsUpdate(
        update.id(),
        update.folder(),
        update.pause(),
        update.kv(),
        Optional.of(new WeightsUpdate.Probe(PROMPT, Logprobs.of(-1, -1, -1), 0.1)));
  }

  @Test
  void enginesWhoseNewWeightsAreRejectedGoOnWithTheOldOnes() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    policy.apply(update(1, Pause.KEEP));

    assertThatThrownBy(() -> policy.apply(refused(2))).isInstanceOf(WeightsRejected.class);

    await(() -> status(policy, engine).why().isEmpty());
    assertThat(engine.version).isEqualTo(1);
    check(policy.generate(request(5)), 5);
  }

  @Test
  void anEngineThatKeepsRejectedWeightsDoesNotServeThemAsTheFirst() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);

    assertThatThrownBy(() -> policy.apply(refused(1))).isInstanceOf(WeightsRejected.class);

    await(() -> status(policy, engine).why().orElse("").contains("under base/0 are not those"));
    engine.version = 0;
    await(() -> status(policy, engine).why().isEmpty());
    check(policy.generate(request(5)), 5);
  }

  @Test
  void anUpdateWaitsForATurnThatCouldNotGoOnElsewhere() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    engine.hangAfter = 4;
    Request penalised = penalised(new Penalties(0.5, 0, 1));
    FutureTask<Generation> turn = new FutureTask<>(() -> policy.generate(penalised));
    Thread.ofVirtual().start(turn);
    engine.hanging.await();
    FutureTask<Long> applying =
        new FutureTask<>(() -> policy.apply(update(1, Pause.KEEP)).pauseMillis());
    Thread update = Thread.ofVirtual().start(applying);
    await(() -> update.getState() == Thread.State.TIMED_WAITING);
    assertThat(turn.isDone()).isFalse();
    engine.released = true;

    check(turn.get(), 10);
    assertThat(turn.get().versions().values()).containsExactly(0);
    applying.get();
    assertThat(policy.generate(request(3)).versions().values()).containsExactly(1);
  }

  @ParameterizedTest
  @CsvSource({"VLLM,false", "VLLM,true", "SGLANG,false"})
  void aTrainersProbeIsAskedOverTheWireThatTheEngineHas(Kind kind, boolean completions)
      throws Exception {
    FakeEngine engine = fleet.engine(kind);
    engine.completionsOnly = completions;
    UpstreamPolicy policy = fleet.policy(engine);
    int[] ids = {40, 0, 0};
    float[] logprobs = new float[2];
    for (int i = 1; i < 3; i++) {
      ids[i] = FakeModel.candidates(ids[i - 1], i, 1).getFirst();
      logprobs[i - 1] = (float) FakeModel.logprobs(ids[i - 1], i, 1, 1)[0];
    }
    WeightsUpdate plain = update(1, Pause.KEEP);

    policy.apply(
        new WeightsUpdate(
            plain.id(),
            plain.folder(),
            plain.pause(),
            plain.kv(),
            Optional.of(new WeightsUpdate.Probe(Tokens.of(ids), Logprobs.of(logprobs), 0.01))));

    assertThat(policy.weights().version()).isEqualTo(1);
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void anAdapterIsLoadedByANameOfItsOwnAndTheOneBeforeIsGivenUp(Kind kind) throws Exception {
    FakeEngine engine = fleet.engine(kind);
    UpstreamPolicy policy = fleet.policy(WeightsBy.LORA, engine);

    for (int version = 1; version <= 2; version++) {
      policy.apply(update(version, Pause.KEEP));
      Generation generation = policy.generate(request(5));
      assertThat(generation.versions().values()).containsExactly(version);
      if (kind == Kind.VLLM) check(generation, 5);
    }

    assertThat(engine.adapters).containsOnlyKeys("turnstone-base-2");
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void aTrainerThatSendsWeightsItselfPausesNamesThemAndResumes(Kind kind) throws Exception {
    FakeEngine engine = fleet.engine(kind);
    UpstreamPolicy policy = fleet.policy(WeightsBy.EXTERNAL, engine);
    FutureTask<Generation> turn = heard(policy, engine);

    assertThatThrownBy(() -> policy.apply(update(1, Pause.KEEP)))
        .isInstanceOf(WeightsRejected.class)
        .hasMessageContaining("pause first");
    policy.pause(Pause.KEEP);
    engine.hangAfter = Integer.MAX_VALUE;
    engine.version = 1;
    policy.apply(update(1, Pause.KEEP));
    policy.resume();

    check(turn.get(), 10);
    assertThat(turn.get().versions().values()).containsExactly(0, 1);
    assertThat(loads(engine)).isZero();
    assertThat(engine.label).isEqualTo("base/1/abababababab");
  }

  @Test
  void anInterruptedUpdateLeavesNoEngineWaitingForIt() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    engine.loadsForever = true;
    FutureTask<Integer> applying =
        new FutureTask<>(() -> policy.apply(update(1, Pause.KEEP)).id().version());
    Thread update = Thread.ofVirtual().start(applying);
    engine.loading.await();
    assertThat(engine.label).startsWith("loading/base/1/");

    update.interrupt();

    assertThatThrownBy(applying::get).hasCauseInstanceOf(InterruptedException.class);
    assertThat(engine.label).isEqualTo(WeightsLabel.NONE);
    check(policy.generate(request(5)), 5);
  }
}
