package dev.turnstone.trainerbridge.log;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.StopReason;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

public class SettlementTest {
  /// Each rollout is `stop=reward`; `-` has no reward, `#` breaks an invariant, `…` is unfinished.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      useHeadersInDisplayName = true,
      textBlock =
          """
          policy | rollouts                                  | outcomes                                         | dropped
          wait   | answer=1 done=0 max_turns=0               | train train train                                |
          wait   | answer=1 timeout=0 answer=0               | train mask train                                 |
          wait   | answer=1 timeout=- answer=0               | train mask train                                 |
          wait   | answer=1 engine_error=- answer=0          | train failed:engine_error train                  |
          wait   | answer=1 answer=- answer=0                | train failed:unscored train                      |
          wait   | answer=1 answer=# answer=0                | train failed:quarantined train                   |
          wait   | answer=1 … answer=0                       | train failed:cancelled train                     |
          wait   | answer=1 … …                              | train failed:cancelled failed:cancelled          | incomplete
          wait   | answer=1 timeout=- timeout=-              | train mask mask                                  | incomplete
          wait   | answer=1 timeout=1 answer=1               | train mask train                                 | zero_variance
          min_k  | answer=1 cancelled=- answer=0             | train failed:cancelled train                     |
          refill | answer=1 cancelled=- answer=0             | train failed:cancelled train                     |
          mask   | answer=1 environment_lost=- answer=0      | train mask train                                 |
          mask   | answer=1 answer=# answer=0                | train failed:quarantined train                   |
          mask   | answer=1 environment_lost=- cancelled=-   | train mask mask                                  | incomplete
          """)
  void aGroupIsSettledUnderItsPolicy(
      String policy, String rollouts, String outcomes, String dropped) {
    RunSpec spec =
        spec("\"incomplete\":{\"policy\":\"" + policy + "\"},\"zero_variance\":\"drop\"");

    Settlement settlement = Settlement.of(spec, rollouts(rollouts));

    assertThat(shown(settlement)).isEqualTo(outcomes);
    assertThat(settlement.reason()).isEqualTo(Optional.ofNullable(dropped).orElse(""));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          "stops":{"timeout":"train"}      | answer=1 timeout=0 answer=0 | train train train                 |
          "stops":{"timeout":"drop"}       | answer=1 timeout=0 answer=0 | train failed:timeout train        |
          "stops":{"answer":"mask"}        | answer=1 done=0 answer=0    | mask train mask                   |
          "incomplete":{"min_k":3}         | answer=1 timeout=- answer=0 | train mask train                  | incomplete
          "zero_variance":"keep"           | answer=1 answer=1 answer=1  | train train train                 |
          """)
  void aRunMayDecideOtherwise(String fields, String rollouts, String outcomes, String dropped) {
    Settlement settlement = Settlement.of(spec(fields), rollouts(rollouts));

    assertThat(shown(settlement)).isEqualTo(outcomes);
    assertThat(settlement.reason()).isEqualTo(Optional.ofNullable(dropped).orElse(""));
  }

  private static RunSpec spec(String fields) {
    String body = "{\"run\":\"r\",\"environment\":\"e\",\"group_size\":3," + fields + "}";
    return RunSpec.parse(JsonText.parse(body), 100);
  }

  private static String shown(Settlement settlement) {
    List<String> shown = new ArrayList<>();
    for (Settlement.Outcome outcome : settlement.outcomes())
      shown.add(outcome.delivered() ? outcome.kind() : outcome.kind() + ":" + outcome.failure());
    return String.join(" ", shown);
  }

  private static List<RolloutTable.Latest> rollouts(String text) {
    List<RolloutTable.Latest> rollouts = new ArrayList<>();
    for (String rollout : List.of(text.split(" ", -1))) {
      Optional<RolloutSummary> summary =
          rollout.equals("…") ? Optional.empty() : Optional.of(summary(rollouts.size(), rollout));
      rollouts.add(new RolloutTable.Latest(rollouts.size(), 0, summary));
    }
    return rollouts;
  }

  private static RolloutSummary summary(int index, String text) {
    int at = text.indexOf('=');
    String reward = text.substring(at + 1);
    boolean scored = !reward.equals("-") && !reward.equals("#");
    return new RolloutSummary(
        "g",
        index,
        0,
        StopReason.valueOf(text.substring(0, at).toUpperCase(Locale.ROOT)),
        "",
        scored ? OptionalDouble.of(Double.parseDouble(reward)) : OptionalDouble.empty(),
        1,
        10,
        1,
        0,
        5,
        0,
        0,
        0,
        1,
        reward.equals("#") ? "row 0: 3 logprobs for 4 ids" : "");
  }
}
