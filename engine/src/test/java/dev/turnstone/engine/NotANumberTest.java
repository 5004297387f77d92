package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsId;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// A model of finite weights in which one token's key in the first layer is beyond f32, so that
/// whoever sees it computes with what is no number.
class NotANumberTest {
  private static final int POISON = 96;

  /// Three layers: what the second makes of the poison, the third has in its keys and values.
  private static final ModelConfig CONFIG =
      ModelConfig.llama(97, 32, 64, 3, 4, 2, 8, 256, 1e-5, 10_000, false);

  private static final List<Policy.Request> GOOD =
      List.of(
          request(prompt(5, 1)),
          request(prompt(17, 2)),
          request(prompt(60, 3)),
          request(prompt(150, 4)));

  @TempDir Path folder;

  @BeforeEach
  void writeModel() throws Exception {
    Map<String, FloatTensor> values = RandomModel.values(CONFIG, 1);
    change(
        values,
        "model.embed_tokens.weight",
        (row, column, value) -> column > 0 ? value : row == POISON ? 30 : 0);
    // Nobody draws it unasked.
    change(values, "lm_head.weight", (row, column, value) -> row == POISON ? 0 : value);
    change(
        values,
        "model.layers.0.self_attn.k_proj.weight",
        (row, column, value) -> column == 0 ? 3e38f : value);
    Files.writeString(folder.resolve("config.json"), RandomModel.configJson(CONFIG));
    Safetensors.write(folder.resolve("model.safetensors"), values, Safetensors.Dtype.F32);
  }

  private interface Change {
    float of(int row, int column, float value);
  }

  private static void change(Map<String, FloatTensor> values, String name, Change change) {
    FloatTensor old = Objects.requireNonNull(values.get(name));
    int columns = CONFIG.hidden();
    float[] data = new float[old.size()];
    for (int i = 0; i < data.length; i++) data[i] = change.of(i / columns, i % columns, old.get(i));
    values.put(name, new FloatTensor(old.shape(), data));
  }

  private Engine engine(EngineConfig config) throws ModelException {
    return Engine.load(folder, new WeightsId("test", 0, "00"), config);
  }

  private static Policy.Request request(Tokens prompt) {
    return new Policy.Request(prompt, Sampling.GREEDY, 8, Set.of(), Duration.ofMinutes(1));
  }

  private static Tokens prompt(int length, long seed) {
    return Tokens.of(new SplittableRandom(seed).ints(length, 0, POISON).toArray());
  }

  private static Tokens poisoned(Tokens prompt, int at) {
    int[] ids = prompt.toArray();
    ids[at] = POISON;
    return Tokens.of(ids);
  }

  private List<Tokens> expected(EngineConfig config) throws Exception {
    var expected = new ArrayList<Tokens>();
    try (Engine engine = engine(config)) {
      for (Policy.Request request : GOOD) expected.add(engine.generate(request).ids());
    }
    return expected;
  }

  private static void fails(Engine engine, Policy.Request request) {
    assertThatThrownBy(() -> engine.generate(request))
        .isInstanceOf(Policy.PolicyException.class)
        .hasMessageContaining("log-probability NaN of id");
  }

  /// In prompts that are computed together or by token, at their ends or within, and when drawn.
  @ParameterizedTest
  @CsvSource({"F32, 1", "F32, 2", "BF16, 1", "BF16, 2"})
  void aRequestThatMeetsAKeyThatIsNoNumberEndsByNameAndNoOtherDoes(Precision precision, int lanes)
      throws Exception {
    EngineConfig config = EngineConfig.DEFAULT.withPrecision(precision).withThreads(lanes);
    var bad = new ArrayList<Policy.Request>();
    for (int length : new int[] {1, 5, 60, 200})
      for (int at : new int[] {0, length / 2, length - 1})
        bad.add(request(poisoned(prompt(length, length), at)));
    bad.add(
        new Policy.Request(
            prompt(40, 9),
            Sampling.GREEDY.withAllowedIds(Set.of(POISON)),
            8,
            Set.of(),
            Duration.ofMinutes(1)));
    List<Tokens> expected = expected(config);
    try (Engine engine = engine(config);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var failing = bad.stream().map(r -> threads.submit(() -> engine.generate(r))).toList();
      var good = GOOD.stream().map(r -> threads.submit(() -> engine.generate(r))).toList();
      for (var call : failing)
        assertThatThrownBy(() -> call.get(60, TimeUnit.SECONDS))
            .isInstanceOf(ExecutionException.class)
            .hasMessageContaining("log-probability NaN of id");
      for (int i = 0; i < GOOD.size(); i++) assertThat(ids(good.get(i))).isEqualTo(expected.get(i));
      engine.checkIntegrity();
    }
  }

  private static Tokens ids(Future<Generation> call) throws Exception {
    return call.get(60, TimeUnit.SECONDS).ids();
  }

  /// What is no number times a weight of 0 is no number either.
  @ParameterizedTest
  @EnumSource(Precision.class)
  void whoGetsTheMemoryOfSuchARequestComputesWithNoneOfIt(Precision precision) throws Exception {
    EngineConfig config = EngineConfig.DEFAULT.withPrecision(precision).withThreads(2);
    List<Tokens> expected = expected(config);
    long kvForOneSequence =
        CONFIG.kvBytesPerToken(precision == Precision.F32 ? 4 : 2) * Model.BLOCK * (16 + 1L);
    try (Engine engine = engine(config.withKvBytes(kvForOneSequence))) {
      for (int i = 0; i < GOOD.size(); i++) {
        fails(engine, request(poisoned(prompt(250, 5), 0)));
        assertThat(engine.generate(GOOD.get(i)).ids()).isEqualTo(expected.get(i));
      }
      engine.checkIntegrity();
    }
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void whatSuchARequestComputedBeforeItsPoisonIsNotReused(Precision precision) throws Exception {
    EngineConfig config = EngineConfig.DEFAULT.withPrecision(precision).withThreads(2);
    List<Tokens> expected = expected(config);
    try (Engine engine = engine(config)) {
      for (int i = 0; i < GOOD.size(); i++) {
        Tokens prompt = GOOD.get(i).prompt();
        fails(engine, request(poisoned(prompt, prompt.size() - 1)));
        assertThat(engine.generate(GOOD.get(i)).ids()).isEqualTo(expected.get(i));
      }
      engine.checkIntegrity();
    }
  }
}
