package dev.turnstone.trainerbridge.algorithm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class AlgorithmTest {
  private static final double CLOSE = 1e-6;

  static Stream<String> advantages() {
    return GoldenStep.FILE.get("advantages").properties().stream().map(entry -> entry.getKey());
  }

  @ParameterizedTest
  @MethodSource("advantages")
  void advantagesAreThoseOfTheFormula(String name) {
    StepBatch batch = GoldenStep.batch(name.equals("remax"));
    List<double[]> actual = Algorithm.named(name).objective().advantage().of(batch);
    List<JsonNode> expected = GoldenStep.list(GoldenStep.FILE.get("advantages").get(name));
    assertThat(actual).hasSameSizeAs(expected);
    for (int row = 0; row < actual.size(); row++)
      assertThat(actual.get(row))
          .as("row %d", row)
          .containsExactly(GoldenStep.doubles(expected.get(row)), within(CLOSE));
  }

  @Test
  void everyAlgorithmIsFoundByItsNameAndSaysItsSource() {
    assertThat(Algorithm.all())
        .extracting(Algorithm::name)
        .contains(
            "grpo",
            "dr_grpo",
            "rloo",
            "reinforce_plus_plus",
            "reinforce_plus_plus_baseline",
            "remax",
            "gpg",
            "max_rl",
            "ppo",
            "dapo",
            "gspo",
            "cispo",
            "decoupled_ppo",
            "turn_grpo")
        .doesNotHaveDuplicates();
    assertThat(Algorithm.all()).allSatisfy(a -> assertThat(a.summary()).contains("arXiv "));
  }

  @Test
  void anUnknownNameIsRefusedWithThoseThereAre() {
    assertThatThrownBy(() -> Algorithm.named("gpro"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("no algorithm \"gpro\": there are cispo, dapo,");
  }

  @Test
  void theBaselineIsOverRolloutsNotOverRows() {
    var rewards = List.of(1.0, 0.0, 1.0, 0.0);
    var rows = Stream.of(0, 0, 0, 1, 2, 2, 2, 3).map(AlgorithmTest::oneToken).toList();
    var batch = new StepBatch(rewards.stream().map(r -> StepBatch.Scored.of(0, r)).toList(), rows);
    assertThat(GroupNormalised.CENTRED.of(batch).getFirst()).containsExactly(0.5);
  }

  @Test
  void groupsOfAnySizeAreCentredOnTheirOwnMean() {
    JsonNode golden = GoldenStep.read("/golden-objectives.json").get("variable_groups");
    double[] rewards = GoldenStep.doubles(golden.get("rewards"));
    int[] groups = GoldenStep.ints(golden.get("group_ids"));
    var rollouts =
        Stream.iterate(0, i -> i < rewards.length, i -> i + 1)
            .map(i -> StepBatch.Scored.of(groups[i], rewards[i]))
            .toList();
    var rows =
        Stream.iterate(0, i -> i < rewards.length, i -> i + 1)
            .map(AlgorithmTest::oneToken)
            .toList();
    double[] actual =
        GroupNormalised.CENTRED.of(new StepBatch(rollouts, rows)).stream()
            .mapToDouble(row -> row[0])
            .toArray();
    assertThat(actual).containsExactly(GoldenStep.doubles(golden.get("drgrpo")), within(CLOSE));
  }

  @Test
  void theSpreadHasTheValuesOfTheTrainersThatUseIt() {
    JsonNode golden = GoldenStep.read("/golden-objectives.json").get("group");
    double[] rewards = GoldenStep.doubles(golden.get("rewards"));
    JsonNode expected = golden.get("adv");
    check(GroupNormalised.GRPO, rewards, expected.get("grpo_unbiased_1e6"));
    check(unbiased(1e-4), rewards, expected.get("trl_unbiased_1e4"));
    check(
        new GroupNormalised(GroupNormalised.Spread.BIASED, 1e-8),
        rewards,
        expected.get("trl_async_biased_1e8"));
    check(unbiased(1e-5), rewards, expected.get("areal_1e5"));
    check(new Rloo.LeaveOneOut(), rewards, expected.get("rloo"));
    check(new MaxRl.RelativeToMean(), rewards, expected.get("maxrl"));
  }

  private static GroupNormalised unbiased(double epsilon) {
    return new GroupNormalised(GroupNormalised.Spread.UNBIASED, epsilon);
  }

  private static void check(GroupAdvantage advantage, double[] rewards, JsonNode expected) {
    assertThat(advantage.of(rewards))
        .as("%s", advantage)
        .containsExactly(GoldenStep.doubles(expected), within(CLOSE));
  }

  @Test
  void aGroupWithoutASignalGetsNone() {
    for (Algorithm algorithm : Algorithm.all()) {
      if (!(algorithm.objective().advantage() instanceof GroupAdvantage advantage)) continue;
      assertThat(advantage.ofGroup(List.of(Optional.of(0.1), Optional.of(0.1), Optional.of(0.1))))
          .as(algorithm.name())
          .containsOnly(0);
      assertThat(advantage.ofGroup(List.of(Optional.of(3.0), Optional.empty()))).containsOnly(0);
    }
  }

  @Test
  void estimatesSkipWhatAToolSaid() {
    JsonNode golden = GoldenStep.read("/golden-objectives.json").get("gae");
    double[] rewards = GoldenStep.doubles(golden.get("rewards"));
    double[] values = GoldenStep.doubles(golden.get("values"));
    int[] mask = GoldenStep.ints(golden.get("mask"));
    double[] expected = GoldenStep.doubles(golden.get("adv"));
    int[] trained =
        java.util.stream.IntStream.range(0, mask.length).filter(t -> mask[t] == 1).toArray();
    var row =
        new TokenRow(
            0,
            new int[trained.length],
            Optional.empty(),
            Optional.empty(),
            Optional.of(java.util.Arrays.stream(trained).mapToDouble(t -> values[t]).toArray()));
    var batch = new StepBatch(List.of(StepBatch.Scored.of(0, rewards[4])), List.of(row));
    assertThat(new GeneralisedAdvantage(Critic.DEFAULT).raw(row, batch))
        .containsExactly(
            java.util.Arrays.stream(trained).mapToDouble(t -> expected[t]).toArray(),
            within(CLOSE));
  }

  @Test
  void remaxSaysWhatTheRunLacks() {
    assertThatThrownBy(
            () -> Algorithm.named("remax").objective().advantage().of(GoldenStep.batch(false)))
        .hasMessageContaining("\"greedy_baseline\": true");
  }

  private static TokenRow oneToken(int rollout) {
    return new TokenRow(rollout, new int[1], Optional.empty(), Optional.empty(), Optional.empty());
  }
}
