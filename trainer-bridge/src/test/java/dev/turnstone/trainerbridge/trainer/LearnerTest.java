package dev.turnstone.trainerbridge.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.FloatTensor;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.Precision;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.trainerbridge.json.JsonText;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

public class LearnerTest {
  private static final ModelConfig CONFIG =
      ModelConfig.llama(31, 16, 32, 2, 2, 1, 8, 64, 1e-5, 10_000, true);

  @TempDir Path directory;

  private static Learner learner() {
    return learner(false);
  }

  private static Learner learner(boolean valueHead) {
    var random = new SplittableRandom(1);
    Map<String, FloatTensor> values = new LinkedHashMap<>();
    for (String name : CONFIG.parameterNames()) {
      List<Long> shape = CONFIG.shape(name);
      float[] data = new float[Math.toIntExact(shape.stream().reduce(1L, (a, b) -> a * b))];
      for (int i = 0; i < data.length; i++)
        data[i] = (float) (shape.size() == 1 ? 1 : 0.2 * random.nextGaussian());
      values.put(name, new FloatTensor(shape, data));
    }
    Model model = new Model(CONFIG, Precision.F32);
    return new Learner(model, model.create(values), new AdamW.Settings(1e-2, 0, 1), valueHead, 1);
  }

  private static TokenBatch batch(int... lengths) {
    return new TokenBatch(
        IntStream.of(lengths)
            .mapToObj(length -> {
              var scored = new BitSet();
              scored.set(1, length);
              int[] ids = new SplittableRandom(length).ints(length, 0, 31).toArray();
              return new TokenBatch.Scored(Tokens.of(ids), scored, RunLength.of(length, 1f));
            })
            .toList());
  }

  @Test
  void paddingDoesNotReachTheLogprobs() {
    try (Learner learner = learner()) {
      float[] alone = learner.logprobs(batch(7));
      float[] padded = learner.logprobs(batch(7, 40));
      for (int i = 0; i < alone.length; i++)
        assertThat(padded[i]).isCloseTo(alone[i], within(1e-5f));
    }
  }

  @Test
  void likelihoodRises() {
    try (Learner learner = learner()) {
      TokenBatch batch = batch(12, 20);
      double first = learner.step(List.of(batch), Pretraining::likelihood, 1).loss();
      double last = first;
      for (int step = 0; step < 30; step++)
        last = learner.step(List.of(batch), Pretraining::likelihood, 1).loss();
      assertThat(last).isLessThan(first / 2);
    }
  }

  @Test
  void aPolicyStepRaisesWhatHadAnAdvantageAndSplittingItChangesNothing() {
    float[] whole = afterPolicyStep(List.of(batch(12, 20)), List.of(1f));
    float[] split = afterPolicyStep(List.of(batch(12), batch(20)), List.of(1f, 1f));
    try (Learner learner = learner()) {
      float[] before = learner.logprobs(batch(12, 20));
      double rise = 0;
      for (int i = 0; i < whole.length; i++) {
        rise += whole[i] - before[i];
        assertThat(split[i]).as("token %d", i).isCloseTo(whole[i], within(1e-3f));
      }
      assertThat(rise).isPositive();
    }
  }

  private static float[] afterPolicyStep(List<TokenBatch> batches, List<Float> advantages) {
    int tokens = batches.stream().mapToInt(TokenBatch::size).sum();
    try (Learner learner = learner()) {
      learner.step(
          batches,
          (batch, outputs) -> {
            float[] slopes = new float[outputs.logprobs().length];
            Arrays.fill(slopes, -advantages.get(batch) / tokens);
            return new Learner.Pull(0, slopes, Optional.empty());
          },
          1);
      return learner.logprobs(batch(12, 20));
    }
  }

  @Test
  void aValueHeadLearnsWhatEachTokenIsWorthAndItsCheckpointHoldsIt() {
    TokenBatch batch = batch(12, 20);
    try (Learner learner = learner(true)) {
      assertThat(learner.outputs(batch).values().orElseThrow()).containsOnly(0f);
      for (int step = 0; step < 60; step++)
        learner.step(List.of(batch), LearnerTest::towardsOne, 1);
      float[] values = learner.outputs(batch).values().orElseThrow();
      assertThat(values).hasSize(batch.size());
      for (float value : values) assertThat(value).isCloseTo(1, within(0.2f));
      try (Learner again = learner(true)) {
        again.restore(learner.moments(), learner.steps());
        assertThat(again.outputs(batch).values().orElseThrow())
            .as("the head alone: the model is another")
            .isNotEqualTo(new float[batch.size()]);
      }
    }
  }

  private static Learner.Pull towardsOne(int batch, Learner.Outputs outputs) {
    float[] values = outputs.values().orElseThrow();
    float[] slopes = new float[values.length];
    for (int i = 0; i < values.length; i++) slopes[i] = (values[i] - 1) / values.length;
    return new Learner.Pull(0, new float[values.length], Optional.of(slopes));
  }

  @Test
  void aCheckpointGoesOnBitForBit() throws Exception {
    TokenBatch batch = batch(9, 15);
    float[] expected;
    Checkpoint checkpoint;
    ObjectNode figures = JsonText.object().put("step", 3).put("loss", 0.5);
    try (Learner learner = learner()) {
      for (int step = 0; step < 3; step++)
        learner.step(List.of(batch), Pretraining::likelihood, 1).loss();
      checkpoint = Checkpoint.write(directory, 3, "line", 3, 24, figures, learner);
      learner.step(List.of(batch), Pretraining::likelihood, 1).loss();
      expected = learner.logprobs(batch);
    }
    assertThat(Checkpoint.newest(directory)).contains(checkpoint);
    Model model = new Model(CONFIG, Precision.F32);
    try (Learner resumed =
        new Learner(
            model,
            model.loadFile(checkpoint.weights()),
            new AdamW.Settings(1e-2, 0, 1),
            false,
            1)) {
      checkpoint.restore(resumed);
      resumed.step(List.of(batch), Pretraining::likelihood, 1);
      assertThat(resumed.logprobs(batch)).isEqualTo(expected);
    }
  }

  @Test
  void onlyTheLastTwoCheckpointsStay() throws Exception {
    try (Learner learner = learner()) {
      for (int step = 1; step <= 4; step++)
        Checkpoint.write(
            directory, step, "line", step, step, JsonText.object().put("step", step), learner);
    }
    try (var left = java.nio.file.Files.list(directory)) {
      assertThat(left.map(path -> path.getFileName().toString()))
          .containsExactlyInAnyOrder("step-000003", "step-000004");
    }
  }
}
