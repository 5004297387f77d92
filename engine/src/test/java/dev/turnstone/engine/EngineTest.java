package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.IValue;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.GenerationOptions;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Penalties;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Scores;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EngineTest {
  private static final WeightsId FIRST = new WeightsId("test", 0, "00");
  private static final WeightsId SECOND = new WeightsId("test", 1, "11");
  private static final Sampling SEEDED = new Sampling(1, 0, 1, 0, OptionalLong.of(7));

  @TempDir Path folder;
  private final List<Engine> engines = new ArrayList<>();

  private Engine engine(EngineConfig config) throws ModelException {
    var engine = Engine.load(RandomModel.write(folder.resolve("model"), 1), FIRST, config);
    engines.add(engine);
    return engine;
  }

  @AfterEach
  void everyBlockIsAccountedFor() throws InterruptedException {
    for (Engine engine : engines) {
      engine.checkIntegrity();
      assertThat(engine.stats().running()).isZero();
      engine.close();
    }
  }

  private static Policy.Request request(Tokens prompt, Sampling sampling, int maxTokens) {
    return new Policy.Request(prompt, sampling, maxTokens, Set.of(), Duration.ofMinutes(1));
  }

  private static Tokens prompt(int length, long seed) {
    return Tokens.of(new SplittableRandom(seed).ints(length, 0, 97).toArray());
  }

  private static List<Generation> together(Engine engine, List<Policy.Request> requests)
      throws Exception {
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var results = new ArrayList<Generation>();
      var calls = requests.stream().map(r -> threads.submit(() -> engine.generate(r))).toList();
      for (Future<Generation> call : calls) results.add(call.get(60, TimeUnit.SECONDS));
      return results;
    }
  }

  @Test
  void aBatchGeneratesWhatEachRequestGeneratesAlone() throws Exception {
    var requests =
        IntStream.range(0, 24)
            .mapToObj(i -> request(prompt(3 + 5 * i, i), i % 2 == 0 ? Sampling.GREEDY : SEEDED, 40))
            .toList();
    Engine alone = engine(EngineConfig.DEFAULT);
    var expected = new ArrayList<Tokens>();
    for (Policy.Request request : requests) expected.add(alone.generate(request).ids());

    var batched = together(engine(EngineConfig.DEFAULT), requests);

    assertThat(batched).extracting(Generation::ids).isEqualTo(expected);
    assertThat(batched).extracting(Generation::finish).containsOnly(FinishReason.LENGTH);
  }

  @Test
  void onlyRequestsWithTheSameSaltSharePrefixes() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Policy.Request open = request(prompt(70, 4), Sampling.GREEDY, 3);
    List<Integer> cached = new ArrayList<>();
    for (Policy.Request one :
        List.of(
            open,
            open.with(GenerationOptions.NONE.withCacheSalt(Optional.of("a"))),
            open.with(GenerationOptions.NONE.withCacheSalt(Optional.of("b"))),
            open.with(GenerationOptions.NONE.withCacheSalt(Optional.of("a"))),
            open)) cached.add(engine.generate(one).cachedTokens());
    assertThat(cached.subList(0, 3)).containsOnly(0);
    assertThat(cached.subList(3, 5)).containsOnly(64);
  }

  @Test
  void theTrainersForwardPassGivesTheRecordedLogprobs() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Tokens prompt = prompt(37, 3);
    Generation generation =
        engine.generate(request(prompt, new Sampling(0.7, 0, 1, 0, OptionalLong.of(5)), 60));

    float[] recomputed = recompute(prompt.plus(generation.ids()), prompt.size(), 0.7f);

    for (int i = 0; i < recomputed.length; i++)
      assertThat(generation.logprobs().get(i)).isCloseTo(recomputed[i], within(1e-4f));
  }

  private float[] recompute(Tokens row, int from, float temperature) throws ModelException {
    int count = row.size() - from;
    long[] ids = IntStream.of(row.toArray()).asLongStream().toArray();
    long[] predictors = IntStream.range(from - 1, row.size() - 1).asLongStream().toArray();
    long[] targets = IntStream.of(row.slice(from, row.size()).toArray()).asLongStream().toArray();
    float[] temperatures = new float[count];
    java.util.Arrays.fill(temperatures, temperature);
    try (var model = new Model(RandomModel.CONFIG, Precision.F32);
        var parameters = model.load(folder.resolve("model"));
        var m = Model.newManager()) {
      return model
          .run(
              m,
              "logprobs",
              IValue.from((PtNDArray) m.create(ids, new Shape(1, ids.length))),
              IValue.from((PtNDArray) m.create(predictors)),
              IValue.from((PtNDArray) m.create(targets)),
              IValue.from((PtNDArray) m.create(temperatures)),
              IValue.from(model.cosines()),
              IValue.from(model.sines()),
              IValue.listFrom(parameters.tensors()))
          .toFloatArray();
    }
  }

  @Test
  void preemptionAndChunkedPrefillDoNotChangeWhatIsGenerated() throws Exception {
    var requests =
        IntStream.range(0, 12).mapToObj(i -> request(prompt(50 + i, i), SEEDED, 100)).toList();
    var expected = together(engine(EngineConfig.DEFAULT), requests);
    long kvForThreeSequences = RandomModel.CONFIG.kvBytesPerToken(4) * Model.BLOCK * (3 * 10 + 1L);

    Engine tight =
        engine(EngineConfig.DEFAULT.withKvBytes(kvForThreeSequences).withMaxBatchTokens(24));
    var squeezed = together(tight, requests);

    assertThat(tight.stats().preemptions()).isPositive();
    assertThat(tight.stats().recomputedTokens()).isPositive();
    assertThat(squeezed)
        .extracting(Generation::ids)
        .isEqualTo(expected.stream().map(Generation::ids).toList());
  }

  @Test
  void aGroupComputesItsPromptOnce() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Tokens prompt = prompt(129, 9);
    var requests =
        IntStream.range(0, 8).mapToObj(i -> request(prompt, SEEDED.withSeed(i), 4)).toList();

    var group = together(engine, requests);

    assertThat(group.stream().filter(g -> g.cachedTokens() == 128)).hasSize(7);
    assertThat(engine.stats().cachedTokens()).isEqualTo(7 * 128);
    assertThat(engine.generate(requests.getFirst()).ids()).isEqualTo(group.getFirst().ids());
  }

  /// The last 11 ids fill no block: the others of the group copy it.
  @ParameterizedTest
  @EnumSource(EngineConfig.Forward.class)
  void aGroupComputesTheEndOfItsPromptOnceToo(EngineConfig.Forward forward) throws Exception {
    EngineConfig config = EngineConfig.DEFAULT.withForward(forward);
    Tokens prompt = prompt(139, 9);
    var requests =
        IntStream.range(0, 8).mapToObj(i -> request(prompt, SEEDED.withSeed(i), 20)).toList();
    Engine alone = engine(config);
    var expected = new ArrayList<Tokens>();
    for (Policy.Request request : requests) expected.add(alone.generate(request).ids());

    Engine engine = engine(config);
    var group = atOnce(engine, requests);

    assertThat(group).extracting(Generation::ids).isEqualTo(expected);
    assertThat(group.stream().filter(g -> g.cachedTokens() == 138)).hasSize(7);
    engine.checkIntegrity(); // refreshes the figures
    assertThat(engine.stats().cachedTokens()).isEqualTo(7 * 138);
  }

  @Test
  void deterministicallyAGroupDrawsWhatEachWouldAlone() throws Exception {
    EngineConfig config = EngineConfig.DEFAULT.withDeterministic(true).withThreads(2);
    Tokens prompt = prompt(43, 5);
    var requests =
        IntStream.range(0, 6)
            .mapToObj(i -> request(prompt, SEEDED.withSeed(i), 1 + 5 * i))
            .toList();
    var group = atOnce(engine(config), requests);
    for (int i = 0; i < 6; i++) {
      Generation single = engine(config).generate(requests.get(i));
      assertThat(group.get(i).ids()).isEqualTo(single.ids());
      assertThat(group.get(i).logprobs().toArray()).isEqualTo(single.logprobs().toArray());
    }
  }

  /// Sends requests so that all are there before the first runs.
  private static List<Generation> atOnce(Engine engine, List<Policy.Request> requests)
      throws Exception {
    engine.pause(WeightsUpdate.Pause.KEEP);
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var calls = requests.stream().map(r -> threads.submit(() -> engine.generate(r))).toList();
      while (engine.stats().waiting() < requests.size()) engine.checkIntegrity();
      engine.resume();
      var results = new ArrayList<Generation>();
      for (Future<Generation> call : calls) results.add(call.get(60, TimeUnit.SECONDS));
      return results;
    }
  }

  @Test
  void theNextTurnReusesTheBlocksOfTheLast() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Tokens prompt = prompt(40, 2);
    Generation first = engine.generate(request(prompt, Sampling.GREEDY, 30));
    Tokens next = prompt.plus(first.ids()).plus(prompt(20, 4));

    Generation cached = engine.generate(request(next, Sampling.GREEDY, 20));
    Generation fresh = engine(EngineConfig.DEFAULT).generate(request(next, Sampling.GREEDY, 20));

    assertThat(cached.cachedTokens()).isEqualTo(64);
    assertThat(fresh.cachedTokens()).isZero();
    assertThat(cached.ids()).isEqualTo(fresh.ids());
  }

  @Test
  void promptScoresAreTheTrainersLogprobsHoweverThePromptIsCut() throws Exception {
    Tokens prompt = prompt(150, 8);
    engine(EngineConfig.DEFAULT);
    float[] recomputed = recompute(prompt, 1, 1);
    for (int step : List.of(2048, 24)) {
      Engine engine = engine(EngineConfig.DEFAULT.withMaxBatchTokens(step));
      engine.generate(request(prompt, Sampling.GREEDY, 3)); // leaves the prompt in the cache

      Generation scored = engine.generate(request(prompt, Sampling.GREEDY, 0, 2));
      Generation both = engine.generate(request(prompt, Sampling.GREEDY, 4, 0));

      PromptLogprobs scores = scored.prompt().orElseThrow();
      assertThat(scored.ids().isEmpty()).isTrue();
      assertThat(scored.finish()).isEqualTo(FinishReason.LENGTH);
      assertThat(scored.cachedTokens()).isZero();
      assertThat(scores.logprobs().get(0)).isZero();
      for (int i = 1; i < prompt.size(); i++) {
        assertThat(scores.logprobs().get(i)).isCloseTo(recomputed[i - 1], within(1e-4f));
        assertThat(scores.tops().get(i).ids().size()).isEqualTo(2);
        assertThat(scores.tops().get(i).rank()).isBetween(1, 97);
        assertThat(both.prompt().orElseThrow().logprobs().get(i))
            .isCloseTo(recomputed[i - 1], within(1e-4f));
      }
      assertThat(both.ids()).isEqualTo(engine.generate(request(prompt, Sampling.GREEDY, 4)).ids());
    }
  }

  private static Policy.Request request(
      Tokens prompt, Sampling sampling, int maxTokens, int promptLogprobs) {
    return new Policy.Request(
        prompt,
        sampling,
        maxTokens,
        Set.of(),
        Duration.ofMinutes(1),
        GenerationOptions.NONE.withScores(new Scores(0, OptionalInt.of(promptLogprobs))));
  }

  @Test
  void rowsOfOneBatchMayBeDrawnInDifferentWays() throws Exception {
    List<Sampling> ways =
        List.of(
            SEEDED,
            Sampling.GREEDY,
            new Sampling(0.8, 5, 0.9, 0.02, OptionalLong.of(3)),
            SEEDED.withPenalties(new Penalties(0.5, 0.5, 1.2)),
            SEEDED.withLogitBias(Map.of(5, 3.0)),
            SEEDED.withAllowedIds(Set.of(4, 5, 6)),
            SEEDED.withBadWords(Set.of(Tokens.of(7), Tokens.of(3, 9))),
            SEEDED.withLogprobMode(LogprobMode.SAMPLED));
    var requests =
        ways.stream()
            .map(way ->
                request(prompt(20, 1), way, 30).withScores(new Scores(3, OptionalInt.empty())))
            .toList();
    Engine alone = engine(EngineConfig.DEFAULT);
    var expected = new ArrayList<Tokens>();
    for (Policy.Request request : requests) expected.add(alone.generate(request).ids());

    var batched = together(engine(EngineConfig.DEFAULT), requests);

    assertThat(batched).extracting(Generation::ids).isEqualTo(expected);
    assertThat(IntStream.of(expected.get(5).toArray()).boxed().distinct().toList())
        .isSubsetOf(4, 5, 6);
    for (Generation generation : batched) {
      assertThat(generation.tops()).hasSize(30);
      for (int i = 0; i < 30; i++) {
        TopLogprobs top = generation.tops().get(i);
        if (top.rank() <= 3)
          assertThat(top.ids().get(top.rank() - 1)).isEqualTo(generation.ids().get(i));
      }
    }
  }

  @Test
  void noStopIdIsDrawnBeforeTheLeastLength() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Set<Integer> stops = IntStream.range(0, 60).boxed().collect(Collectors.toSet());
    var request =
        new Policy.Request(
            prompt(10, 1), SEEDED.withMinTokens(25), 60, stops, Duration.ofMinutes(1));

    Generation generation = engine.generate(request);

    assertThat(generation.finish()).isEqualTo(FinishReason.STOP);
    for (int i = 0; i < 25; i++) assertThat(generation.ids().get(i)).isGreaterThanOrEqualTo(60);
    assertThat(generation.ids().size()).isGreaterThan(25);
  }

  @Test
  void idsOutsideTheVocabularyAreRefusedWhereverTheyStand() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Tokens prompt = prompt(3, 1);
    assertThatThrownBy(
            () -> engine.check(request(prompt, SEEDED.withLogitBias(Map.of(97, 1.0)), 1)))
        .hasMessage("logit_bias of id 97 is not in [0, 97)");
    assertThatThrownBy(() -> engine.check(request(prompt, SEEDED.withAllowedIds(Set.of(98)), 1)))
        .hasMessage("allowed_token_ids with 98 is not in [0, 97)");
  }

  @Test
  void aStopTokenEndsTheGenerationAndIsPartOfIt() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Tokens prompt = prompt(10, 1);
    Generation free = engine.generate(request(prompt, Sampling.GREEDY, 20));
    int stop = free.ids().get(5);
    int first =
        IntStream.range(0, 20).filter(i -> free.ids().get(i) == stop).findFirst().orElseThrow();

    Generation stopped =
        engine.generate(
            new Policy.Request(prompt, Sampling.GREEDY, 20, Set.of(stop), Duration.ofMinutes(1)));

    assertThat(stopped.finish()).isEqualTo(FinishReason.STOP);
    assertThat(stopped.ids()).isEqualTo(free.ids().slice(0, first + 1));
  }

  @Test
  void theContextEndsAGeneration() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Generation generation = engine.generate(request(prompt(250, 1), Sampling.GREEDY, 100));
    assertThat(generation.finish()).isEqualTo(FinishReason.LENGTH);
    assertThat(generation.ids().size()).isEqualTo(6);
  }

  @Test
  void aRequestPastItsTimeEndsAsAbort() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Generation generation =
        engine.generate(
            new Policy.Request(prompt(8, 1), Sampling.GREEDY, 20, Set.of(), Duration.ZERO));
    assertThat(generation.finish()).isEqualTo(FinishReason.ABORT);
  }

  @Test
  void idsOutsideTheVocabularyAreRefusedByName() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    assertThatThrownBy(() -> engine.generate(request(Tokens.of(3, 97), Sampling.GREEDY, 1)))
        .hasMessage("token id 97 at 1 is not in [0, 97)");
  }

  @Test
  void aWeightUpdateInTheMiddleSplitsTheVersionsAtTheRightToken() throws Exception {
    for (WeightsUpdate.Kv kv : WeightsUpdate.Kv.values()) {
      Engine engine = engine(EngineConfig.DEFAULT);
      Path next = newWeights();
      var reached = new CountDownLatch(1);
      var applied = new CountDownLatch(1);
      var seen = new ArrayList<Integer>();
      Tokens prompt = prompt(30, 6);
      try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
        Future<Generation> running =
            threads.submit(() ->
                engine.generate(
                    request(prompt, SEEDED, 200),
                    (_, _, version) -> {
                      seen.add(version);
                      if (seen.size() == 10) reached.countDown();
                      if (seen.size() > 10 && version == 0) letTheUpdateCatchUp(applied);
                    }));
        assertThat(reached.await(30, TimeUnit.SECONDS)).isTrue();
        engine.apply(new WeightsUpdate(SECOND, next, WeightsUpdate.Pause.KEEP, kv));
        applied.countDown();
        Generation generation = running.get(60, TimeUnit.SECONDS);

        assertThat(generation.versions().values()).containsExactly(0, 1);
        assertThat(generation.finish()).isEqualTo(FinishReason.LENGTH);
        assertThat(generation.mixedKv()).isEqualTo(kv == WeightsUpdate.Kv.KEEP);
        assertThat(IntStream.range(0, 200).map(generation.versions()::get).boxed().toList())
            .isEqualTo(seen);
        assertThat(engine.weights()).isEqualTo(SECOND);
        if (kv == WeightsUpdate.Kv.RECOMPUTE) tailBelongsToTheNewWeights(generation, prompt, next);
      }
    }
  }

  /// Slows the engine down: the update is loaded beside it and must arrive before the end.
  private static void letTheUpdateCatchUp(CountDownLatch applied) {
    try {
      if (applied.await(20, TimeUnit.MILLISECONDS))
        throw new IllegalStateException("an old version");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// What was sampled after the update is what the new weights alone would have sampled there.
  private void tailBelongsToTheNewWeights(Generation generation, Tokens prompt, Path weights)
      throws Exception {
    int split = generation.versions().starts().get(1);
    Path model = RandomModel.write(folder.resolve("fresh"), 1);
    Files.copy(
        weights.resolve("model.safetensors"),
        model.resolve("model.safetensors"),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    try (var fresh = Engine.load(model, SECOND, EngineConfig.DEFAULT)) {
      Tokens held = prompt.plus(generation.ids().slice(0, split));
      Tokens expected = fresh.generate(request(held, SEEDED, 200 - split)).ids();
      assertThat(generation.ids().slice(split, 200)).isEqualTo(expected);
    }
  }

  private Path newWeights() throws IOException {
    Path next = folder.resolve("next");
    RandomModel.writeWeights(next, RandomModel.CONFIG, 2, Safetensors.Dtype.F32);
    return next;
  }

  @Test
  void blocksOfOldWeightsAreNeverUsedAgain() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Tokens prompt = prompt(100, 1);
    engine.generate(request(prompt, Sampling.GREEDY, 5));
    engine.apply(
        new WeightsUpdate(SECOND, newWeights(), WeightsUpdate.Pause.KEEP, WeightsUpdate.Kv.KEEP));
    assertThat(engine.generate(request(prompt, Sampling.GREEDY, 5)).cachedTokens()).isZero();
  }

  @Test
  void whatIsFoundBadWhileItIsLoadedNeverServes() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Tokens before = engine.generate(request(prompt(9, 1), Sampling.GREEDY, 9)).ids();
    WeightsUpdate update =
        new WeightsUpdate(
            SECOND, newWeights(), WeightsUpdate.Pause.KEEP, WeightsUpdate.Kv.RECOMPUTE);

    assertThatThrownBy(() ->
            engine.apply(
                update,
                () -> {
                  throw new WeightsRejected("the sha256 is another");
                }))
        .isInstanceOf(WeightsRejected.class)
        .hasMessage("the sha256 is another");
    assertThat(engine.weights()).isEqualTo(FIRST);
    assertThat(engine.generate(request(prompt(9, 1), Sampling.GREEDY, 9)).ids()).isEqualTo(before);
  }

  @Test
  void anIncompleteUpdateLeavesTheOldWeightsServing() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Tokens before = engine.generate(request(prompt(9, 1), Sampling.GREEDY, 9)).ids();
    var values = RandomModel.values(RandomModel.CONFIG, 2);
    values.remove("model.layers.1.mlp.up_proj.weight");
    Path next = Files.createDirectories(folder.resolve("partial"));
    Safetensors.write(next.resolve("model.safetensors"), values, Safetensors.Dtype.F32);

    assertThatThrownBy(() ->
            engine.apply(
                new WeightsUpdate(
                    SECOND, next, WeightsUpdate.Pause.KEEP, WeightsUpdate.Kv.RECOMPUTE)))
        .isInstanceOf(WeightsRejected.class)
        .hasMessageContaining("model.layers.1.mlp.up_proj.weight is missing");
    assertThat(engine.weights()).isEqualTo(FIRST);
    assertThat(engine.generate(request(prompt(9, 1), Sampling.GREEDY, 9)).ids()).isEqualTo(before);
  }

  @Test
  void weightsThatAreNotFiniteLeaveTheOldOnesServing() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Tokens before = engine.generate(request(prompt(9, 1), Sampling.GREEDY, 9)).ids();
    var values = RandomModel.values(RandomModel.CONFIG, 2);
    String broken = "model.layers.1.mlp.up_proj.weight";
    FloatTensor good = Objects.requireNonNull(values.get(broken));
    float[] data = new float[good.size()];
    data[5] = Float.NaN;
    values.put(broken, new FloatTensor(good.shape(), data));
    Path next = Files.createDirectories(folder.resolve("nan"));
    Safetensors.write(next.resolve("model.safetensors"), values, Safetensors.Dtype.F32);

    assertThatThrownBy(() ->
            engine.apply(
                new WeightsUpdate(
                    SECOND, next, WeightsUpdate.Pause.KEEP, WeightsUpdate.Kv.RECOMPUTE)))
        .isInstanceOf(WeightsRejected.class)
        .hasMessageContaining(broken + " has a value that is not finite");
    assertThat(engine.weights()).isEqualTo(FIRST);
    assertThat(engine.generate(request(prompt(9, 1), Sampling.GREEDY, 9)).ids()).isEqualTo(before);
  }

  @Test
  void anEngineThatDoesNotStartLeavesNoLanesBehind() throws InterruptedException {
    Path model = RandomModel.write(folder.resolve("model"), 1);
    Set<Thread> before = lanes();

    assertThatThrownBy(() ->
            Engine.load(
                model,
                () -> {
                  throw new AssertionError("no name");
                },
                EngineConfig.DEFAULT.withThreads(2)))
        .hasMessage("no name");
    for (Thread lane : lanes())
      if (!before.contains(lane)) assertThat(lane.join(Duration.ofSeconds(30))).isTrue();
  }

  private static Set<Thread> lanes() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("lane-"))
        .collect(Collectors.toSet());
  }

  /// The same request alone, in a batch of 64, and squeezed so that it is preempted.
  @Test
  void deterministicallyARequestsBitsDoNotDependOnWhatRunsBesideIt() throws Exception {
    EngineConfig config = EngineConfig.DEFAULT.withDeterministic(true).withThreads(2);
    var requests =
        IntStream.range(0, 64)
            .mapToObj(i -> request(prompt(20 + i % 30, i), SEEDED.withSeed(i), 40))
            .toList();
    long kvForNineSequences =
        RandomModel.CONFIG.kvBytesPerToken(4) * 2 * Model.BLOCK * (9 * 6 + 1L);

    var together = together(engine(config), requests);
    Engine tight = engine(config.withKvBytes(kvForNineSequences).withMaxBatchTokens(48));
    var squeezed = together(tight, requests);
    Engine alone = engine(config);

    assertThat(tight.stats().preemptions()).isPositive();
    for (int i = 0; i < 64; i += 9) {
      Generation single = alone.generate(requests.get(i));
      for (Generation other : List.of(together.get(i), squeezed.get(i))) {
        assertThat(other.ids()).isEqualTo(single.ids());
        assertThat(other.logprobs().toArray()).isEqualTo(single.logprobs().toArray());
      }
    }
  }

  @Test
  void aClosedEngineRefusesByName() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    engine.close();
    engines.clear();
    assertThatThrownBy(() -> engine.generate(request(prompt(3, 1), Sampling.GREEDY, 1)))
        .hasMessage("the engine is closed");
  }

  @Test
  void bfloat16StaysWithinItsRounding() throws Exception {
    Tokens prompt = prompt(50, 8);
    Generation exact = engine(EngineConfig.DEFAULT).generate(request(prompt, Sampling.GREEDY, 20));
    Generation rounded =
        engine(EngineConfig.DEFAULT.withPrecision(Precision.BF16))
            .generate(request(prompt, Sampling.GREEDY, 20));
    assertThat(rounded.logprobs().get(0)).isCloseTo(exact.logprobs().get(0), within(0.2f));
    assertThat(rounded.finish()).isEqualTo(FinishReason.LENGTH);
  }
}
