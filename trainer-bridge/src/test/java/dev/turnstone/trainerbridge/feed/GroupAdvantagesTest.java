package dev.turnstone.trainerbridge.feed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.turnstone.rollout.StopReason;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Rewards 1, 0, 0, 1, 1, 0, 0, 0 and one rollout without a reward; what the first two come to.
public class GroupAdvantagesTest {
  @ParameterizedTest
  @CsvSource({
    "grpo, 1.207612, -0.724567",
    "dapo, 1.207612, -0.724567",
    "gspo, 1.207612, -0.724567",
    "cispo, 1.207612, -0.724567",
    "dr_grpo, 0.625, -0.375",
    "rloo, 0.714286, -0.428571",
    "max_rl, 1.666667, -1"
  })
  void whatAGroupsRewardsDecideIsSentWithIt(String algorithm, double right, double wrong) {
    Map<Integer, Double> advantages = GroupAdvantages.of(spec(algorithm, ""), rollouts());

    assertThat(advantages).hasSize(8).doesNotContainKey(8);
    assertThat(advantages.get(0)).isEqualTo(right, within(1e-5));
    assertThat(advantages.get(1)).isEqualTo(wrong, within(1e-5));
  }

  @ParameterizedTest
  @CsvSource({"remax, -1"})
  void theGreedyRolloutIsComparedWithAndHasNone(String algorithm, double wrong) {
    Map<Integer, Double> advantages =
        GroupAdvantages.of(spec(algorithm, ",\"greedy_baseline\":true"), rollouts());

    assertThat(advantages).hasSize(7).doesNotContainKey(0).containsEntry(1, wrong);
  }

  private static RunSpec spec(String algorithm, String more) {
    return RunSpec.parse(
        JsonText.parse(
            "{\"run\":\"r\",\"environment\":\"e\",\"group_size\":9,\"advantages\":\"%s\"%s}"
                .formatted(algorithm, more)),
        1000);
  }

  private static List<RolloutSummary> rollouts() {
    double[] rewards = {1, 0, 0, 1, 1, 0, 0, 0, Double.NaN};
    List<RolloutSummary> rollouts = new ArrayList<>();
    for (int i = 0; i < rewards.length; i++)
      rollouts.add(
          new RolloutSummary(
              "g",
              i,
              0,
              StopReason.ANSWER,
              "",
              Double.isNaN(rewards[i]) ? OptionalDouble.empty() : OptionalDouble.of(rewards[i]),
              1,
              10,
              1,
              0,
              5,
              0,
              0,
              0,
              1,
              ""));
    return rollouts;
  }
}
