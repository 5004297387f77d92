package dev.turnstone.trainerbridge.algorithm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ObjectiveGoldenTest {
  static Stream<JsonNode> objectives() {
    return GoldenStep.list(GoldenStep.FILE.get("objectives")).stream();
  }

  @ParameterizedTest
  @MethodSource("objectives")
  void lossAndGradientAreThoseOfTheFormula(JsonNode golden) {
    Objective objective = objective(golden);
    StepBatch batch = GoldenStep.batch(false);
    List<double[]> advantages = GroupNormalised.GRPO.of(batch);
    double[] factors = objective.aggregation().factors(batch.rows(), objective.constantLength());
    double value = 0;
    var gradients = new ArrayList<double[]>();
    for (int i = 0; i < factors.length; i++) {
      JsonNode row = GoldenStep.rows().get(i);
      double[] behaviour = GoldenStep.doubles(row.get("behaviour"));
      double[] proximal =
          objective
              .proximal()
              .of(
                  GoldenStep.doubles(row.get("old")),
                  behaviour,
                  GoldenStep.ints(row.get("versions")),
                  GoldenStep.FILE.get("version").asInt());
      TokenTerms terms =
          objective.terms(
              GoldenStep.doubles(row.get("current")),
              proximal,
              behaviour,
              Optional.of(GoldenStep.doubles(row.get("reference"))),
              advantages.get(i));
      double factor = factors[i];
      value += java.util.Arrays.stream(terms.values()).map(v -> v * factor).sum();
      gradients.add(java.util.Arrays.stream(terms.slopes()).map(s -> s * factor).toArray());
    }
    assertThat(value).isCloseTo(golden.get("value").asDouble(), within(1e-6));
    for (int i = 0; i < gradients.size(); i++)
      assertThat(gradients.get(i))
          .as("row %d", i)
          .containsExactly(GoldenStep.doubles(golden.get("gradient").get(i)), within(1e-6));
  }

  private static Objective objective(JsonNode golden) {
    PolicyLoss loss =
        switch (golden.get("loss").asText()) {
          case "clipped" -> new ClippedSurrogate();
          case "sequence" -> new Gspo.SequenceRatio();
          case "weight" -> new Cispo.ClippedWeight();
          default -> new LogLikelihood();
        };
    double dual = golden.path("dual").asDouble(Double.POSITIVE_INFINITY);
    double low = golden.path("clip").path(0).asDouble(0.2);
    double high = golden.path("clip").path(1).asDouble(0.28);
    return Objective.of(GroupNormalised.GRPO, loss)
        .withClip(new PolicyLoss.Clip(low, high, dual))
        .withAggregation(
            Aggregation.valueOf(
                golden.path("aggregation").asText("token_mean").toUpperCase(Locale.ROOT)))
        .withConstantLength(20)
        .withCorrection(Correction.parse(golden.path("correction").asText("none")))
        .withProximal(
            Proximal.valueOf(golden.path("proximal").asText("recomputed").toUpperCase(Locale.ROOT)))
        .withKl(golden.has("kl") ? KlPenalty.parse(0.1, golden.get("kl").asText()) : KlPenalty.OFF);
  }

  @Test
  void theValueLossAndItsGradientAreThoseOfTheFormula() {
    JsonNode golden = GoldenStep.FILE.get("critic");
    StepBatch batch = GoldenStep.batch(false);
    List<double[]> returns = new GeneralisedAdvantage(Critic.DEFAULT).returns(batch);
    double value = 0;
    for (int i = 0; i < returns.size(); i++) {
      assertThat(returns.get(i))
          .containsExactly(GoldenStep.doubles(golden.get("returns").get(i)), within(1e-6));
      JsonNode row = GoldenStep.rows().get(i);
      TokenTerms terms =
          Critic.DEFAULT.loss(
              GoldenStep.doubles(row.get("new_values")),
              GoldenStep.doubles(row.get("values")),
              returns.get(i));
      value += java.util.Arrays.stream(terms.values()).sum();
      assertThat(terms.slopes())
          .containsExactly(GoldenStep.doubles(golden.get("gradient").get(i)), within(1e-6));
    }
    assertThat(value).isCloseTo(golden.get("value").asDouble(), within(1e-6));
  }

  @Test
  void theK2GradientGoesWithAnyValue() {
    double[] current = {-1.0};
    double[] reference = {-1.5};
    for (String name : List.of("k1+", "k3+"))
      assertThat(KlPenalty.parse(1, name).of(current, current, reference).slopes())
          .containsExactly(0.5);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "truncated", "truncated:x", "masked:1", "tis:2"})
  void anUnknownCorrectionIsRefused(String text) {
    assertThatThrownBy(() -> Correction.parse(text))
        .hasMessageContaining("correction \"" + text + "\" is none of");
  }

  @Test
  void aRatioAgainstTheRolloutsPolicyIsNotCorrectedTwice() {
    Objective objective = Algorithm.named("grpo").objective();
    assertThatThrownBy(() -> objective.withProximal(Proximal.BEHAVIOUR))
        .hasMessageContaining("correction must be none");
  }
}
