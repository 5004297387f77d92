package dev.turnstone.trainerbridge.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.IValueUtils;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.engine.Model;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/// Against golden-objectives.json, which was computed with numpy from the papers' formulas.
public class ObjectiveTest {
  private static final JsonNode GOLDEN = golden();
  private static final double NO_CAP = 1e9;

  private static JsonNode golden() {
    try (InputStream in = ObjectiveTest.class.getResourceAsStream("/golden-objectives.json")) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static List<Optional<Double>> rewards(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false)
        .map(node -> Optional.of(node.asDouble()))
        .toList();
  }

  @Test
  void advantagesAreNormalisedByTheUnbiasedDeviation() {
    double[] expected =
        StreamSupport.stream(GOLDEN.at("/group/adv/grpo_unbiased_1e6").spliterator(), false)
            .mapToDouble(JsonNode::asDouble)
            .toArray();
    assertThat(Advantages.grpo(rewards(GOLDEN.at("/group/rewards"))))
        .containsExactly(expected, within(1e-9));
  }

  @Test
  void aGroupWithoutVarianceOrWithOneScoreHasNoAdvantage() {
    assertThat(Advantages.grpo(List.of(Optional.of(1.0), Optional.of(1.0)))).containsOnly(0);
    assertThat(Advantages.grpo(List.of(Optional.of(1.0), Optional.empty()))).containsOnly(0);
  }

  @Test
  void anUnscoredRolloutIsOutsideTheBaseline() {
    double[] advantages =
        Advantages.grpo(List.of(Optional.of(1.0), Optional.empty(), Optional.of(0.0)));
    assertThat(advantages[1]).isZero();
    assertThat(advantages[0]).isCloseTo(0.5 / (Math.sqrt(0.5) + 1e-6), within(1e-9));
  }

  /// The values of one matrix where the mask is 1, row by row.
  private static float[] masked(JsonNode matrix) {
    var values = new ArrayList<Float>();
    JsonNode mask = GOLDEN.at("/tokens/mask");
    for (int row = 0; row < mask.size(); row++)
      for (int i = 0; i < mask.get(row).size(); i++)
        if (mask.get(row).get(i).asDouble() == 1)
          values.add((float) matrix.get(row).get(i).asDouble());
    float[] array = new float[values.size()];
    for (int i = 0; i < array.length; i++) array[i] = values.get(i);
    return array;
  }

  private static final float[] ADVANTAGES = {1, 1, 1, -1, -1};

  @SuppressWarnings("ArrayRecordComponent") // only read
  private record Outcome(double loss, float[] gradient) {}

  private static Outcome loss(Objective.Constants constants, boolean behaviour, String reference) {
    try (var objective = new Objective(constants);
        var manager = Model.newManager();
        var gradients = Engine.getInstance().newGradientCollector()) {
      NDArray theta = manager.create(masked(GOLDEN.at("/tokens/lp_theta")));
      theta.setRequiresGradient(true);
      float[] old = masked(GOLDEN.at("/tokens/lp_old"));
      NDArray name = manager.zeros(new Shape(1));
      name.setName("module_method:loss");
      NDList inputs =
          new NDList(
              theta,
              manager.create(old),
              manager.create(behaviour ? masked(GOLDEN.at("/tokens/lp_mu")) : old),
              manager.create(masked(GOLDEN.at(reference))),
              manager.create(ADVANTAGES),
              manager.create(5f),
              name);
      NDArray value = IValueUtils.forward(objective.module(), inputs, true).head();
      gradients.backward(value);
      return new Outcome(value.getFloat(), theta.getGradient().toFloatArray());
    }
  }

  @Test
  void theClippedLossAndItsGradientAreTheGoldenOnes() {
    var outcome = loss(new Objective.Constants(0.2, 0.28, NO_CAP, 0), false, "/tokens/lp_theta");
    assertThat(outcome.loss())
        .isCloseTo(GOLDEN.at("/tokens/reduce/token_mean").asDouble(), within(1e-6));
    float[] expected = masked(GOLDEN.at("/tokens/grad_token_mean_wrt_lp_theta"));
    assertThat(outcome.gradient()).containsExactly(expected, within(1e-6f));
  }

  @Test
  void importanceWeightsAreTruncated() {
    double cap = GOLDEN.at("/tokens/tis/C").asDouble();
    var outcome = loss(new Objective.Constants(0.2, 0.28, cap, 0), true, "/tokens/lp_theta");
    assertThat(outcome.loss())
        .isCloseTo(GOLDEN.at("/tokens/tis/token_mean").asDouble(), within(1e-6));
  }

  @Test
  void theKlPenaltyIsK3() {
    double coefficient = 0.5;
    var outcome =
        loss(new Objective.Constants(0.2, 0.28, NO_CAP, coefficient), false, "/tokens/lp_ref");
    double expected =
        GOLDEN.at("/tokens/reduce/token_mean").asDouble()
            + coefficient * GOLDEN.at("/tokens/kl_ref/k3").asDouble();
    assertThat(outcome.loss()).isCloseTo(expected, within(1e-6));
  }

  @Test
  void mismatchIsK3OfTrainerAgainstRollout() {
    var mismatch = new Mismatch();
    mismatch.add(masked(GOLDEN.at("/tokens/lp_theta")), masked(GOLDEN.at("/tokens/lp_mu")));
    assertThat(mismatch.k3()).isCloseTo(GOLDEN.at("/tokens/mismatch/k3").asDouble(), within(1e-6));
    assertThat(mismatch.tokens()).isEqualTo(5);
  }
}
