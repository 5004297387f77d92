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
    return new Learner(
        model,
        model.create(values),
        Objective.Constants.DEFAULT,
        new Learner.Optimizer(1e-2, 0, 1),
        1);
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
      double first = learner.likelihoodStep(List.of(batch), 1);
      double last = first;
      for (int step = 0; step < 30; step++) last = learner.likelihoodStep(List.of(batch), 1);
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
    try (Learner learner = learner()) {
      List<PolicyBatch> inputs =
          IntStream.range(0, batches.size())
              .mapToObj(i -> policyBatch(learner, batches.get(i), advantages.get(i)))
              .toList();
      learner.policyStep(inputs, 1);
      return learner.logprobs(batch(12, 20));
    }
  }

  private static PolicyBatch policyBatch(Learner learner, TokenBatch tokens, float advantage) {
    float[] advantages = new float[tokens.size()];
    java.util.Arrays.fill(advantages, advantage);
    return new PolicyBatch(
        tokens, Optional.empty(), learner.logprobs(tokens), Optional.empty(), advantages);
  }

  @Test
  void aCheckpointGoesOnBitForBit() throws Exception {
    TokenBatch batch = batch(9, 15);
    float[] expected;
    Checkpoint checkpoint;
    ObjectNode figures = JsonText.object().put("step", 3).put("loss", 0.5);
    try (Learner learner = learner()) {
      for (int step = 0; step < 3; step++) learner.likelihoodStep(List.of(batch), 1);
      checkpoint = Checkpoint.write(directory, 3, "line", 3, 24, figures, learner);
      learner.likelihoodStep(List.of(batch), 1);
      expected = learner.logprobs(batch);
    }
    assertThat(Checkpoint.newest(directory)).contains(checkpoint);
    Model model = new Model(CONFIG, Precision.F32);
    try (Learner resumed =
        new Learner(
            model,
            model.loadFile(checkpoint.weights()),
            Objective.Constants.DEFAULT,
            new Learner.Optimizer(1e-2, 0, 1),
            1)) {
      checkpoint.restore(resumed);
      resumed.likelihoodStep(List.of(batch), 1);
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
