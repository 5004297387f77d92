package dev.turnstone.trainerbridge.feed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.trainerbridge.algorithm.GoldenStep;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.log.RolloutTable.Settled;
import dev.turnstone.trainerbridge.log.Settlement;
import dev.turnstone.trainerbridge.log.TurnTokens;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.wire.TokenAdvantages;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

public class GroupAdvantagesTest {
  /// Rewards 1, 0, 0, 1, 1, 0, 0, 0 and one rollout without a reward; what the first two come to.
  @ParameterizedTest
  @CsvSource({
    "grpo, 1.207612, -0.724567",
    "dapo, 1.207612, -0.724567",
    "gspo, 1.207612, -0.724567",
    "cispo, 1.207612, -0.724567",
    "dr_grpo, 0.625, -0.375",
    "rloo, 0.714286, -0.428571",
    "max_rl, 1.666667, -1",
    "gpg, 1.666667, -1"
  })
  void whatAGroupsRewardsDecideIsSentWithIt(String algorithm, double right, double wrong) {
    Map<Integer, Double> advantages = single(spec(algorithm, ""), rewards()).rollouts();

    assertThat(advantages).hasSize(8).doesNotContainKey(8);
    assertThat(advantages.get(0)).isEqualTo(right, within(1e-5));
    assertThat(advantages.get(1)).isEqualTo(wrong, within(1e-5));
  }

  @Test
  void theGreedyRolloutIsComparedWithAndHasNone() {
    Map<Integer, Double> advantages = single(remax(), rewards()).rollouts();

    assertThat(advantages).hasSize(7).doesNotContainKey(0).containsEntry(1, -1.0);
  }

  @Test
  void withoutItsGreedyRolloutAGroupHasNoSignal() {
    List<Settled> withoutGreedy = rewards().subList(1, 9);

    assertThat(single(remax(), withoutGreedy).rollouts().values()).hasSize(7).containsOnly(0.0);
  }

  /// Of the golden step's two groups, computed together.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "grpo",
        "dr_grpo",
        "rloo",
        "max_rl",
        "gpg",
        "turn_grpo",
        "reinforce_plus_plus",
        "reinforce_plus_plus_baseline"
      })
  void aStepsAdvantagesAreThoseOfTheFormula(String algorithm) {
    JsonNode own = GoldenStep.FILE.get("server_advantages").path(algorithm);
    JsonNode golden = own.isMissingNode() ? GoldenStep.FILE.get("advantages").get(algorithm) : own;

    List<GroupAdvantages> step = GroupAdvantages.of(spec(algorithm, ""), golden());

    for (int rollout = 0; rollout < 8; rollout++) {
      List<Integer> rows = rowsOf(rollout);
      GroupAdvantages group = step.get(rollout / 4);
      for (int i = 0; i < rows.size(); i++) {
        double[] expected = GoldenStep.doubles(golden.get(rows.get(i)));
        double[] actual = values(group, rollout % 4, i, expected.length);
        assertThat(actual).as("rollout %d", rollout).containsExactly(expected, within(1e-6));
      }
    }
  }

  private static double[] values(GroupAdvantages group, int index, int row, int tokens) {
    if (group.rows().isEmpty())
      return IntStream.range(0, tokens)
          .mapToDouble(t -> Objects.requireNonNull(group.rollouts().get(index)))
          .toArray();
    TokenAdvantages advantages = Objects.requireNonNull(group.rows().get(index)).get(row);
    RunLength<Float> runs = advantages.values();
    assertThat(runs.length()).isEqualTo(tokens);
    return IntStream.range(0, tokens).mapToDouble(runs::get).toArray();
  }

  @Test
  void tokensThatAreMaskedAreInNoMean() {
    List<Settled> group = new ArrayList<>(golden().getFirst());
    Settled last = group.removeLast();
    RunSpec spec = spec("reinforce_plus_plus_baseline", "");

    group.add(
        new Settled(
            new Settlement.Outcome(3, 0, Settlement.MASK, "", ""),
            last.summary(),
            last.turnTokens()));

    Map<Integer, Double> advantages = single(spec, group).rollouts();
    assertThat(advantages).containsOnlyKeys(0, 1, 2);
    // Centred on the mean of all four, whitened over the tokens of three.
    double sum = 0;
    for (int i = 0; i < 3; i++) {
      TurnTokens tokens = group.get(i).turnTokens().orElseThrow();
      for (int row = 0; row < tokens.rows().size(); row++)
        sum += Objects.requireNonNull(advantages.get(i)) * tokens.turns(row).length;
    }
    assertThat(sum).isEqualTo(0, within(1e-6));
  }

  private static GroupAdvantages single(RunSpec spec, List<Settled> group) {
    return GroupAdvantages.of(spec, List.of(group)).getFirst();
  }

  private static RunSpec remax() {
    return spec("remax", ",\"greedy_baseline\":true");
  }

  private static RunSpec spec(String algorithm, String more) {
    return RunSpec.parse(
        JsonText.parse(
            "{\"run\":\"r\",\"environment\":\"e\",\"group_size\":9,\"advantages\":\"%s\"%s}"
                .formatted(algorithm, more)),
        1000);
  }

  private static List<List<Settled>> golden() {
    List<List<Settled>> groups = List.of(new ArrayList<>(), new ArrayList<>());
    List<JsonNode> rollouts = GoldenStep.list(GoldenStep.FILE.get("rollouts"));
    for (int i = 0; i < rollouts.size(); i++) {
      List<List<TurnTokens.Span>> rows =
          rowsOf(i).stream()
              .map(row -> spans(GoldenStep.ints(GoldenStep.rows().get(row).get("turns"))))
              .toList();
      List<Double> turns =
          GoldenStep.list(rollouts.get(i).get("turn_rewards")).stream()
              .map(JsonNode::asDouble)
              .toList();
      groups
          .get(rollouts.get(i).get("group").asInt())
          .add(
              settled(
                  i % 4,
                  rollouts.get(i).get("reward").asDouble(),
                  Optional.of(new TurnTokens(rows, turns))));
    }
    return groups;
  }

  private static List<Integer> rowsOf(int rollout) {
    return IntStream.range(0, GoldenStep.rows().size())
        .filter(row -> GoldenStep.rows().get(row).get("rollout").asInt() == rollout)
        .boxed()
        .toList();
  }

  private static List<TurnTokens.Span> spans(int[] turns) {
    return IntStream.of(turns).mapToObj(turn -> new TurnTokens.Span(turn, 1)).toList();
  }

  private static List<Settled> rewards() {
    double[] rewards = {1, 0, 0, 1, 1, 0, 0, 0, Double.NaN};
    return IntStream.range(0, rewards.length)
        .mapToObj(i -> settled(i, rewards[i], Optional.empty()))
        .toList();
  }

  private static Settled settled(int index, double reward, Optional<TurnTokens> tokens) {
    OptionalDouble score =
        Double.isNaN(reward) ? OptionalDouble.empty() : OptionalDouble.of(reward);
    RolloutSummary summary =
        new RolloutSummary(
            "g", index, 0, StopReason.ANSWER, "", score, 1, 10, 1, 0, 5, 0, 0, 0, 1, "");
    return new Settled(
        new Settlement.Outcome(index, 0, Settlement.TRAIN, "", ""), Optional.of(summary), tokens);
  }
}
