package dev.turnstone.trainerbridge.algorithm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// The token-level cases of `golden-objectives.json`: two rows, five trained tokens.
class TokenGoldenTest {
  private static final JsonNode TOKENS = GoldenStep.read("/golden-objectives.json").get("tokens");
  private static final double[] SIGNS = {1, -1};

  private static final Map<Aggregation, String> REDUCTIONS =
      Map.of(
          Aggregation.TOKEN_MEAN, "token_mean",
          Aggregation.SEQUENCE_SUM, "seq_mean_token_sum",
          Aggregation.SEQUENCE_MEAN, "seq_mean_token_mean",
          Aggregation.CONSTANT, "const_Lmax5");

  private static Objective objective(String correction) {
    return Objective.of(GroupNormalised.GRPO, new ClippedSurrogate())
        .withClip(new PolicyLoss.Clip(0.2, 0.28, 3))
        .withConstantLength(5)
        .withCorrection(Correction.parse(correction));
  }

  /// The trained tokens of one row.
  private static double[] row(String name, int row) {
    var values = new ArrayList<Double>();
    for (int t = 0; t < 5; t++)
      if (TOKENS.get("mask").get(row).get(t).asDouble() == 1)
        values.add(TOKENS.get(name).get(row).get(t).asDouble());
    return values.stream().mapToDouble(v -> v).toArray();
  }

  private static double reduced(Objective objective, boolean corrected) {
    var rows = new ArrayList<TokenRow>();
    var terms = new ArrayList<TokenTerms>();
    for (int i = 0; i < 2; i++) {
      double[] old = row("lp_old", i);
      double[] advantages = new double[old.length];
      java.util.Arrays.fill(advantages, SIGNS[i]);
      rows.add(
          new TokenRow(
              i, new int[old.length], Optional.empty(), Optional.empty(), Optional.empty()));
      terms.add(
          objective.terms(
              row("lp_theta", i),
              old,
              corrected ? row("lp_mu", i) : old,
              Optional.of(row("lp_ref", i)),
              advantages));
    }
    double[] factors = objective.aggregation().factors(rows, objective.constantLength());
    double sum = 0;
    for (int i = 0; i < 2; i++)
      sum += factors[i] * java.util.Arrays.stream(terms.get(i).values()).sum();
    return sum;
  }

  @Test
  void everyReductionIsTheGoldenOneWithAndWithoutCorrection() {
    REDUCTIONS.forEach((aggregation, name) -> {
      check(objective("none"), aggregation, TOKENS.at("/reduce/" + name));
      check(objective("truncated:2"), aggregation, TOKENS.at("/tis/" + name));
      check(objective("masked:0.5:2"), aggregation, TOKENS.at("/icepop/" + name));
      check(objective("sequence_mask:3"), aggregation, TOKENS.at("/seq_mis/" + name));
    });
  }

  private static void check(Objective objective, Aggregation aggregation, JsonNode expected) {
    boolean corrected = !(objective.correction() instanceof Correction.None);
    assertThat(reduced(objective.withAggregation(aggregation), corrected))
        .as("%s, %s", objective.correction(), aggregation)
        .isCloseTo(expected.asDouble(), within(1e-6));
  }

  @Test
  void theGradientOfTheTokenMeanIsTheGoldenOne() {
    JsonNode golden = TOKENS.get("grad_token_mean_wrt_lp_theta");
    for (int i = 0; i < 2; i++) {
      double[] old = row("lp_old", i);
      double[] advantages = new double[old.length];
      java.util.Arrays.fill(advantages, SIGNS[i]);
      TokenTerms terms =
          objective("none").terms(row("lp_theta", i), old, old, Optional.empty(), advantages);
      int at = 0;
      for (int t = 0; t < 5; t++)
        if (TOKENS.get("mask").get(i).get(t).asDouble() == 1)
          assertThat(terms.slopes()[at++] / 5)
              .isCloseTo(golden.get(i).get(t).asDouble(), within(1e-6));
    }
  }

  @Test
  void theEstimatesOfTheKlAreTheGoldenOnes() {
    for (String name : List.of("k1", "k2", "k3")) {
      double sum = 0;
      for (int i = 0; i < 2; i++)
        sum +=
            java.util.Arrays.stream(
                    KlPenalty.parse(1, name)
                        .of(row("lp_theta", i), row("lp_old", i), row("lp_ref", i))
                        .values())
                .sum();
      assertThat(sum / 5).isCloseTo(TOKENS.at("/kl_ref/" + name).asDouble(), within(1e-6));
    }
  }

  @Test
  void theProximalPolicyLiesBetweenTheVersions() {
    JsonNode golden = GoldenStep.read("/golden-objectives.json").get("decoupled");
    double[] proximal =
        Proximal.INTERPOLATED.of(
            new double[] {golden.get("lp_theta").asDouble()},
            new double[] {golden.get("lp_mu").asDouble()},
            new int[] {golden.get("v_mu").asInt()},
            golden.get("v_theta").asInt());
    assertThat(proximal[0]).isCloseTo(golden.get("lp_prox").asDouble(), within(1e-9));
  }
}
