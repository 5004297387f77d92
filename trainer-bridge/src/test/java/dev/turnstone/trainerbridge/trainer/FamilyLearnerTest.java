package dev.turnstone.trainerbridge.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.engine.Family;
import dev.turnstone.engine.FloatTensor;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.ModelConfig.Biases;
import dev.turnstone.engine.ModelConfig.Layer;
import dev.turnstone.engine.Precision;
import dev.turnstone.engine.Rope;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What the engine can run, the trainer can train.
class FamilyLearnerTest {
  /// Everything a model may have at once: biases, a sliding layer, one without positions.
  private static ModelConfig config(Family family) {
    return new ModelConfig(
        family,
        31,
        16,
        32,
        3,
        2,
        1,
        8,
        64,
        1e-5,
        false,
        new Biases(true, true, family == Family.LLAMA),
        0.3,
        5,
        List.of(new Layer(false, 0), new Layer(true, 1), new Layer(false, ModelConfig.NO_ROPE)),
        List.of(Rope.of(1e6), Rope.of(1e4)));
  }

  @ParameterizedTest
  @EnumSource
  void everyWeightOfAFamilyLearns(Family family) {
    ModelConfig config = config(family);
    Map<String, FloatTensor> before = weights(config);
    Model model = new Model(config, Precision.F32);
    try (var learner =
        new Learner(model, model.create(before), new AdamW.Settings(1e-2, 0, 1), false, 1)) {
      double first = learner.step(List.of(batch()), Pretraining::likelihood, 1).loss();
      double last = 0;
      for (int step = 0; step < 9; step++)
        last = learner.step(List.of(batch()), Pretraining::likelihood, 1).loss();
      assertThat(last).isLessThan(0.8 * first);
      learner
          .weights()
          .forEach((name, after) ->
              assertThat(after.toBuffer())
                  .as(name)
                  .isNotEqualTo(Objects.requireNonNull(before.get(name)).toBuffer()));
    }
  }

  private static Map<String, FloatTensor> weights(ModelConfig config) {
    var random = new SplittableRandom(1);
    var values = new LinkedHashMap<String, FloatTensor>();
    for (String name : config.parameterNames()) {
      List<Long> shape = config.shape(name);
      float[] data = new float[Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact))];
      for (int i = 0; i < data.length; i++)
        data[i] = (float) (name.endsWith("norm.weight") ? 1 : 0.2 * random.nextGaussian());
      values.put(name, new FloatTensor(shape, data));
    }
    return values;
  }

  private static TokenBatch batch() {
    var scored = new BitSet();
    scored.set(1, 20);
    int[] ids = new SplittableRandom(3).ints(20, 0, 31).toArray();
    return new TokenBatch(
        List.of(new TokenBatch.Scored(Tokens.of(ids), scored, RunLength.of(20, 1f))));
  }
}
