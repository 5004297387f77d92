package dev.turnstone.upstream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Penalties;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.rollout.WeightsUpdate.Kv;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.upstream.EngineSpec.Kind;
import dev.turnstone.upstream.EngineSpec.WeightsBy;
import dev.turnstone.upstream.FakeEngine.Fault;
import dev.turnstone.upstream.UpstreamPolicy.NoEngine;
import dev.turnstone.upstream.routing.Concurrency;
import dev.turnstone.upstream.routing.Node;
import dev.turnstone.upstream.routing.Router;
import dev.turnstone.upstream.routing.Routing;
import dev.turnstone.upstream.wire.VllmWire;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(30)
class UpstreamPolicyTest {
  private static final Tokens PROMPT = Tokens.of(40, 41, 42, 43);
  private static final double TEMPERATURE = 0.7;

  private final List<AutoCloseable> owned = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : owned.reversed()) one.close();
  }

  private FakeEngine engine(Kind kind) {
    FakeEngine engine = new FakeEngine(kind);
    owned.add(engine);
    return engine;
  }

  private FakeEngine vllm() {
    return engine(Kind.VLLM);
  }

  private UpstreamPolicy policy(FakeEngine... engines) throws NoEngine, InterruptedException {
    return policy(WeightsBy.DISK, engines);
  }

  private UpstreamPolicy policy(WeightsBy weights, FakeEngine... engines)
      throws NoEngine, InterruptedException {
    return policy(weights, Duration.ofMillis(50), engines);
  }

  private UpstreamPolicy policy(WeightsBy weights, Duration watch, FakeEngine... engines)
      throws NoEngine, InterruptedException {
    UpstreamConfig config =
        new UpstreamConfig(
            Arrays.stream(engines).map(engine -> engine.spec(weights)).toList(),
            Routing.STICKY_LEAST_LOADED,
            64,
            64,
            Duration.ofSeconds(5),
            Duration.ofSeconds(5),
            Duration.ofSeconds(60),
            watch);
    UpstreamPolicy policy =
        UpstreamPolicy.open(config, new TokenSpace(FakeEngine.VOCABULARY, FakeEngine::encode));
    owned.add(policy);
    return policy;
  }

  private static Request request(int tokens) {
    return new Request(
        PROMPT,
        new Sampling(TEMPERATURE, 0, 1, 0, OptionalLong.empty()),
        tokens,
        Set.of(FakeEngine.STOP),
        Duration.ofSeconds(20));
  }

  /// A turn of 10 tokens that no engine can go on with from another's.
  private static Request penalised(Penalties penalties) {
    return new Request(
        PROMPT,
        new Sampling(TEMPERATURE, 0, 1, 0, OptionalLong.empty())
            .withPenalties(penalties)
            .withLogprobMode(LogprobMode.SAMPLED),
        10,
        Set.of(FakeEngine.STOP),
        Duration.ofSeconds(20));
  }

  /// A turn of 10 tokens that stands still after 4, all of which have arrived.
  private static FutureTask<Generation> heard(UpstreamPolicy policy, FakeEngine engine)
      throws InterruptedException {
    engine.hangAfter = 4;
    CountDownLatch arrived = new CountDownLatch(4);
    FutureTask<Generation> turn =
        new FutureTask<>(
            () -> policy.generate(request(10), (id, logprob, version) -> arrived.countDown()));
    Thread.ofVirtual().start(turn);
    arrived.await();
    return turn;
  }

  private static FutureTask<Generation> start(UpstreamPolicy policy, int tokens) {
    FutureTask<Generation> turn = new FutureTask<>(() -> policy.generate(request(tokens)));
    Thread.ofVirtual().start(turn);
    return turn;
  }

  /// Every token must follow from the one before it under the version that it says.
  private static void check(Generation generation, int tokens) {
    assertThat(generation.ids().size()).isEqualTo(tokens);
    int previous = PROMPT.last();
    for (int i = 0; i < tokens; i++) {
      int version = generation.versions().get(i);
      int position = PROMPT.size() + i;
      int id = generation.ids().get(i);
      int at = FakeEngine.candidates(previous, position, version).indexOf(id);
      assertThat(at).as("token %d is %d of version %d", i, id, version).isNotNegative();
      assertThat((double) generation.logprobs().get(i))
          .isCloseTo(
              FakeEngine.logprobs(previous, position, version, TEMPERATURE)[at],
              Offset.offset(1e-4));
      previous = id;
    }
  }

  private static EngineStatus status(UpstreamPolicy policy, FakeEngine engine) {
    return policy.engines().stream()
        .filter(status -> status.name().equals(engine.spec().name()))
        .findFirst()
        .orElseThrow();
  }

  private static void await(BooleanSupplier done) throws InterruptedException {
    CountDownLatch never = new CountDownLatch(1);
    while (!done.getAsBoolean()) assertThat(never.await(10, TimeUnit.MILLISECONDS)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"VLLM,false", "VLLM,true", "SGLANG,false"})
  void tokensComeWithTheirLogprobsOverEveryWire(Kind kind, boolean completions) throws Exception {
    FakeEngine engine = engine(kind);
    engine.completionsOnly = completions;
    UpstreamPolicy policy = policy(engine);
    List<Integer> heard = new ArrayList<>();

    Generation generation =
        policy.generate(request(20).withTopLogprobs(2), (id, logprob, version) -> heard.add(id));

    check(generation, 20);
    assertThat(generation.finish()).isEqualTo(FinishReason.LENGTH);
    assertThat(heard).isEqualTo(Arrays.stream(generation.ids().toArray()).boxed().toList());
    assertThat(generation.tops()).hasSize(20).allMatch(top -> top.ids().size() == 2);
    assertThat(policy.contextLength()).isEqualTo(4096);
  }

  @ParameterizedTest
  @CsvSource({
    "VLLM, RAW_LOGPROBS, --logprobs-mode processed_logprobs",
    "VLLM, LOGITS, --logprobs-mode processed_logprobs",
    "VLLM, OTHER_TOKENIZER, another tokenizer",
    "VLLM, SMALL_VOCABULARY, another vocabulary",
    "VLLM, HTML, text/html",
    "VLLM, NAN, log-probability",
    "VLLM, TEXT_ONLY, text without token_ids",
    "VLLM, NOTHING, generates nothing",
    "VLLM, REDIRECT, redirect to http://example.org/",
    "SGLANG, RAW_LOGPROBS, SGLANG_RETURN_ORIGINAL_LOGPROB",
    "SGLANG, LOGITS, logits instead of log-probabilities",
    "SGLANG, OTHER_TOKENIZER, another tokenizer",
    "SGLANG, SMALL_VOCABULARY, another vocabulary",
    "SGLANG, HTML, text/html",
    "SGLANG, NAN, log-probability",
    "SGLANG, TEXT_ONLY, text without output_ids",
    "SGLANG, NOTHING, generates nothing",
    "SGLANG, REDIRECT, redirect to http://example.org/"
  })
  void aBadEngineIsRefusedByNameAndTheOthersGoOn(Kind kind, Fault fault, String why)
      throws Exception {
    FakeEngine bad = engine(kind);
    FakeEngine good = vllm();
    bad.fault = fault;

    assertThatThrownBy(() -> policy(bad))
        .isInstanceOf(NoEngine.class)
        .hasMessageContaining(bad.spec().name())
        .hasMessageContaining(why);

    UpstreamPolicy policy = policy(bad, good);
    assertThat(status(policy, bad).why().orElse("")).contains(why);
    assertThat(status(policy, good).why()).isEmpty();
    check(policy.generate(request(5)), 5);
  }

  @ParameterizedTest
  @EnumSource(
      value = Fault.class,
      names = {"HTML", "NAN", "TEXT_ONLY", "REDIRECT", "FOREIGN_IDS"})
  void anEngineThatTurnsBadIsEjectedByNameAndCostsNothing(Fault fault) throws Exception {
    FakeEngine bad = vllm();
    UpstreamPolicy policy = policy(bad, vllm());
    bad.fault = fault;

    for (int i = 0; i < 4; i++) check(policy.generate(request(8)), 8);

    await(() -> status(policy, bad).ejections() > 0);
    bad.fault = Fault.NONE;
    await(() -> status(policy, bad).why().isEmpty());
  }

  @Test
  void turnsAfterOneAnotherShareAConnection() throws Exception {
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine);
    engine.ports.clear();
    for (int i = 0; i < 10; i++) check(policy.generate(request(4)), 4);
    // The watch of the engine takes connections from the same pool.
    assertThat(engine.ports).hasSizeLessThan(5);
  }

  @Test
  void aTurnGoesOnElsewhereFromItsTokensWhenItsEngineBreaksOff() throws Exception {
    FakeEngine first = vllm();
    FakeEngine second = engine(Kind.SGLANG);
    UpstreamPolicy policy = policy(first, second);
    first.breakAfter = 6;
    second.breakAfter = 9;

    check(policy.generate(request(30)), 30);
  }

  @Test
  void anEngineThatDiesIsEjectedAndComesBackWhenItDoes() throws Exception {
    FakeEngine mortal = vllm();
    UpstreamPolicy policy = policy(mortal, vllm());
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
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine);
    engine.hangAfter = 2;
    Request brief =
        new Request(PROMPT, Sampling.FULL, 10, Set.of(FakeEngine.STOP), Duration.ofMillis(300));

    Generation generation = policy.generate(brief);

    assertThat(generation.finish()).isEqualTo(FinishReason.ABORT);
    assertThat(generation.ids().size()).isEqualTo(2);
    assertThat(engine.gone.await(5, TimeUnit.SECONDS)).isTrue();

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

  private static WeightsUpdate update(int version, Pause pause) {
    return new WeightsUpdate(
        new WeightsId("base", version, "ab".repeat(32)),
        Path.of("/weights/v" + version),
        pause,
        Kv.RECOMPUTE);
  }

  @Test
  void anUpdateReachesEveryEngineAndSplitsARunningTurnAtTheRightToken() throws Exception {
    FakeEngine first = vllm();
    FakeEngine second = engine(Kind.SGLANG);
    UpstreamPolicy policy = policy(first, second);
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
    FakeEngine deaf = vllm();
    UpstreamPolicy policy = policy(deaf, vllm(), vllm());
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
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine);
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
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine);
    policy.apply(update(1, Pause.KEEP));

    assertThatThrownBy(() -> policy.apply(refused(2))).isInstanceOf(WeightsRejected.class);

    await(() -> status(policy, engine).why().isEmpty());
    assertThat(engine.version).isEqualTo(1);
    check(policy.generate(request(5)), 5);
  }

  @Test
  void anEngineThatKeepsRejectedWeightsDoesNotServeThemAsTheFirst() throws Exception {
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine);

    assertThatThrownBy(() -> policy.apply(refused(1))).isInstanceOf(WeightsRejected.class);

    await(() -> status(policy, engine).why().orElse("").contains("under base/0 are not those"));
    engine.version = 0;
    await(() -> status(policy, engine).why().isEmpty());
    check(policy.generate(request(5)), 5);
  }

  @Test
  void twoServersBringTheSameWeightsToTheSameEngine(@TempDir Path root) throws Exception {
    FakeEngine engine = vllm();
    UpstreamPolicy one = policy(engine);
    UpstreamPolicy other = policy(engine);

    for (int version = 1; version <= 2; version++) {
      Path folder = Files.createDirectory(root.resolve("v" + version));
      Files.writeString(folder.resolve("manifest.json"), "{\"files\":[%d]}".formatted(version));
      WeightsUpdate update =
          new WeightsUpdate(
              new WeightsId("base", version, "ab".repeat(32)), folder, Pause.KEEP, Kv.RECOMPUTE);
      one.apply(update);
      other.apply(update);
    }

    assertThat(other.weights().version()).isEqualTo(2);
    check(one.generate(request(5)), 5);
    check(other.generate(request(5)), 5);
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void whatAnotherServerHasBroughtIsRecordedAsThatAndNotReplaced(Kind kind) throws Exception {
    FakeEngine engine = engine(kind);
    UpstreamPolicy one = policy(engine);
    UpstreamPolicy other = policy(engine);
    FutureTask<Generation> turn = hanging(other, engine);
    one.apply(update(1, Pause.KEEP));
    engine.hangAfter = Integer.MAX_VALUE;

    await(() ->
        status(other, engine).why().orElse("").contains("has brought it base/1")
            || status(other, engine).why().orElse("").contains("was not told of"));
    long loads = loads(engine);
    other.apply(update(1, Pause.KEEP));

    check(turn.get(), 10);
    check(other.generate(request(5)), 5);
    assertThat(other.weights().version()).isEqualTo(1);
    assertThat(loads(engine)).isEqualTo(loads);
  }

  @Test
  void tokensOfWeightsThatAnotherServerBroughtUnseenHaveTheirVersion() throws Exception {
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine);
    engine.version = 3;
    engine.label = WeightsLabel.of(update(3, Pause.KEEP).id()).toString();

    // Either its watch has seen it already, or the engine says it of the tokens.
    FutureTask<Generation> turn = start(policy, 6);
    await(() -> status(policy, engine).why().isPresent());
    policy.apply(update(3, Pause.KEEP));

    check(turn.get(), 6);
    assertThat(turn.get().versions().values()).containsExactly(3);
  }

  @Test
  void anUpdateThatCutsATurnKnowsWhatAnotherServerHadBroughtBefore() throws Exception {
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(WeightsBy.DISK, Duration.ofMinutes(1), engine);
    engine.version = 1;
    engine.label = WeightsLabel.of(update(1, Pause.KEEP).id()).toString();
    FutureTask<Generation> turn = heard(policy, engine);
    engine.hangAfter = Integer.MAX_VALUE;

    policy.apply(update(1, Pause.KEEP));

    check(turn.get(), 10);
    assertThat(turn.get().versions().values()).containsExactly(1);
    assertThat(loads(engine)).isZero();
    assertThat(status(policy, engine).ejections()).isZero();
  }

  @Test
  void newerWeightsAreNotReplacedByOlderOnes() throws Exception {
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine, vllm());
    policy.apply(update(1, Pause.KEEP));
    engine.version = 2;
    engine.label = WeightsLabel.of(update(2, Pause.KEEP).id()).toString();
    long loads = loads(engine);

    await(() -> status(policy, engine).why().orElse("").contains("has brought it base/2"));
    for (int i = 0; i < 4; i++) check(policy.generate(request(5)), 5);

    assertThat(loads(engine)).isEqualTo(loads);
    policy.apply(update(2, Pause.KEEP));
    await(() -> status(policy, engine).why().isEmpty());
    assertThat(loads(engine)).isEqualTo(loads);
  }

  private static long loads(FakeEngine engine) {
    return engine.control.stream()
        .filter(Set.of("/collective_rpc", "/update_weights_from_disk")::contains)
        .count();
  }

  /// A turn of 10 tokens that stands still after 4.
  private static FutureTask<Generation> hanging(UpstreamPolicy policy, FakeEngine engine)
      throws InterruptedException {
    engine.hangAfter = 4;
    FutureTask<Generation> turn = start(policy, 10);
    engine.hanging.await();
    return turn;
  }

  @Test
  void anUpdateWaitsForATurnThatCouldNotGoOnElsewhere() throws Exception {
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine);
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

  @Test
  void aTurnWithPenaltiesDoesNotGoOnElsewhere() throws Exception {
    FakeEngine first = vllm();
    UpstreamPolicy policy = policy(first);
    first.breakAfter = 3;
    Request penalised = penalised(new Penalties(0, 0.5, 1));

    assertThatThrownBy(() -> policy.generate(penalised))
        .isInstanceOf(PolicyException.class)
        .hasMessageContaining(first.spec().name())
        .hasMessageContaining("cannot go on elsewhere");
  }

  @ParameterizedTest
  @CsvSource({"VLLM,false", "VLLM,true", "SGLANG,false"})
  void aTrainersProbeIsAskedOverTheWireThatTheEngineHas(Kind kind, boolean completions)
      throws Exception {
    FakeEngine engine = engine(kind);
    engine.completionsOnly = completions;
    UpstreamPolicy policy = policy(engine);
    int[] ids = {40, 0, 0};
    float[] logprobs = new float[2];
    for (int i = 1; i < 3; i++) {
      ids[i] = FakeEngine.candidates(ids[i - 1], i, 1).getFirst();
      logprobs[i - 1] = (float) FakeEngine.logprobs(ids[i - 1], i, 1, 1)[0];
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
    FakeEngine engine = engine(kind);
    UpstreamPolicy policy = policy(WeightsBy.LORA, engine);

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
    FakeEngine engine = engine(kind);
    UpstreamPolicy policy = policy(WeightsBy.EXTERNAL, engine);
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

  @ParameterizedTest
  @CsvSource({"VLLM,structured_outputs", "SGLANG,json_schema"})
  void aSchemaIsPassedOnInTheEnginesOwnField(Kind kind, String field) throws Exception {
    FakeEngine engine = engine(kind);
    UpstreamPolicy policy = policy(engine);
    Sampling sampled =
        new Sampling(TEMPERATURE, 0, 1, 0, OptionalLong.empty())
            .withLogprobMode(LogprobMode.SAMPLED);
    Request plain =
        new Request(PROMPT, sampled, 4, Set.of(FakeEngine.STOP), Duration.ofSeconds(20));
    Constraint schema = new Constraint.Schema(new Json("{\"type\":\"object\"}"));

    Generation generation = policy.generate(plain.withConstraint(schema));

    assertThat(generation.constrained()).isTrue();
    assertThat(engine.asked.getLast().path("sampling_params").path(field).toString())
        .contains("object");
    Constraint either =
        new Constraint.OneOf(List.of(new Constraint.Literal("a.b"), new Constraint.Literal("c")));
    policy.generate(plain.withConstraint(either));
    assertThat(engine.asked.getLast().toString()).contains("(a\\\\.b|c)");
    assertThatThrownBy(() -> policy.check(plain.withConstraint(new Constraint.Until("end"))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("up to a marker");
  }

  @Test
  void anEngineThatWasLeftStandingGoesOn() throws Exception {
    FakeEngine engine = vllm();
    engine.paused = true;

    check(policy(engine).generate(request(5)), 5);
  }

  @Test
  void anEngineWhoseFiguresBreakOffOnceServesOn() throws Exception {
    FakeEngine engine = vllm();
    engine.brokenFigures.set(1);
    UpstreamPolicy policy = policy(engine);

    check(policy.generate(request(5)), 5);
    await(() -> engine.brokenFigures.get() < 0);
    assertThat(status(policy, engine).ejections()).isZero();
  }

  @Test
  void anEngineThatWasEjectedWhileItLoadedWaitsForItsWatch() {
    Node node = new Router(Routing.ROUND_ROBIN).add("engine", 1);
    UpstreamEngine engine =
        new UpstreamEngine(
            EngineSpec.parse("vllm=http://127.0.0.1:1"), node, new Concurrency(1, 1));
    var admitted = new Admission.Admitted(new VllmWire(), "fake", 4096, "");

    assertThat(engine.serveNow(admitted)).isFalse();
    assertThat(engine.admitted()).isEmpty();
    engine.state(new UpstreamEngine.State.In(admitted));
    assertThat(engine.serveNow(admitted)).isTrue();
  }

  @Test
  void anEngineThatComesBackGetsTheNewestWeightsFirst() throws Exception {
    FakeEngine mortal = vllm();
    UpstreamPolicy policy = policy(mortal, vllm());
    policy.apply(update(1, Pause.KEEP));
    mortal.kill();
    await(() -> status(policy, mortal).why().isPresent());
    mortal.restart();
    await(() -> status(policy, mortal).why().isEmpty());

    assertThat(mortal.version).isEqualTo(1);
    for (int i = 0; i < 4; i++) check(policy.generate(request(5)), 5);
  }

  @Test
  void aPauseHoldsTurnsUntilItEnds() throws Exception {
    UpstreamPolicy policy = policy(vllm());
    policy.pause(Pause.KEEP);
    FutureTask<Generation> turn = start(policy, 3);

    await(() -> policy.engines().getFirst().load().inFlight() == 1);
    assertThat(turn.isDone()).isFalse();
    policy.resume();

    check(turn.get(), 3);
  }

  private static FutureTask<Boolean> pausing(UpstreamPolicy policy, Pause mode) {
    return new FutureTask<>(() -> {
      policy.pause(mode);
      return true;
    });
  }

  @Test
  void aPauseThatIsAskedForTwiceReturnsBothTimesWhenNothingIsGenerated() throws Exception {
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine);
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
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine);
    engine.hangAfter = 4;
    FutureTask<Boolean> pausing = pausing(policy, Pause.ABORT);
    List<Integer> heard = new ArrayList<>();
    Request patient =
        new Request(
            PROMPT, request(10).sampling(), 10, Set.of(FakeEngine.STOP), Duration.ofMinutes(5));

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
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine);
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
  void anInterruptedUpdateLeavesNoEngineWaitingForIt() throws Exception {
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine);
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

  @Test
  void weightsThatAnotherServerClaimsMeanwhileAreNotTakenForOurs() throws Exception {
    FakeEngine engine = vllm();
    UpstreamPolicy policy = policy(engine);
    WeightsLabel theirs = WeightsLabel.of(update(2, Pause.KEEP).id());
    engine.rival = Optional.of(theirs.loading(EngineWeights.now()));

    assertThatThrownBy(() -> policy.apply(update(1, Pause.KEEP)))
        .isInstanceOf(WeightsRejected.class)
        .hasMessageContaining("another server brings it weights");
  }
}
