package dev.turnstone.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RolloutLimitsTest {
  private static final RolloutLimits LIMITS =
      new RolloutLimits(3, 10, 25, 100, Duration.ofSeconds(60), 3);

  @ParameterizedTest
  @CsvSource(
      useHeadersInDisplayName = true,
      textBlock =
          """
          turns, generated, length, seconds, reason
          0,     0,         99,     59,
          2,     24,        99,     59,
          0,     0,         100,    0,       context_overflow
          0,     25,        100,    0,       max_tokens
          3,     25,        100,    0,       max_turns
          3,     25,        100,    60,      timeout
          0,     0,         0,      60,      timeout
          4,     0,         0,      0,       max_turns
          """)
  void theFirstLimitReachedIsTheReason(
      int turns, int generated, int length, int seconds, String reason) {
    assertThat(
            LIMITS
                .reached(turns, generated, length, Duration.ofSeconds(seconds))
                .map(StopReason::wire)
                .orElse(null))
        .isEqualTo(reason);
  }

  @ParameterizedTest
  @CsvSource({"0, 50, 10", "20, 50, 5", "0, 93, 7", "24, 99, 1"})
  void aTurnMayGenerateTheLeastOfWhatIsLeft(int generated, int length, int budget) {
    assertThat(LIMITS.turnBudget(generated, length)).isEqualTo(budget);
  }

  @ParameterizedTest
  @CsvSource({
    "10, 60, MAX_TOKENS",
    "25, 60, MAX_TOKENS",
    "10, 100, CONTEXT_OVERFLOW",
    "25, 100, MAX_TOKENS"
  })
  void aCutTurnNamesTheBoundThatCutIt(int generated, int length, StopReason reason) {
    assertThat(LIMITS.truncation(generated, length)).isEqualTo(reason);
  }

  @ParameterizedTest
  @CsvSource({"max_turns,0", "max_turn_tokens,1", "max_tokens,2", "context_length,3"})
  void aBoundBelowOneIsRefusedByName(String name, int position) {
    int[] bounds = {1, 1, 1, 1};
    bounds[position] = 0;

    assertThatThrownBy(() ->
            new RolloutLimits(bounds[0], bounds[1], bounds[2], bounds[3], Duration.ofSeconds(1), 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(name + " < 1: 0");
  }

  @Test
  void timeAndErrorsAreBoundedToo() {
    assertThatThrownBy(() -> new RolloutLimits(1, 1, 1, 1, Duration.ZERO, 1))
        .hasMessage("wall_time is not positive: PT0S");
    assertThatThrownBy(() -> new RolloutLimits(1, 1, 1, 1, Duration.ofSeconds(1), 0))
        .hasMessage("max_consecutive_errors < 1: 0");
  }

  @ParameterizedTest
  @CsvSource({
    "ANSWER, TRAIN",
    "DONE, TRAIN",
    "MAX_TURNS, TRAIN",
    "MAX_TOKENS, MASK",
    "CONTEXT_OVERFLOW, MASK",
    "TIMEOUT, MASK",
    "PARSE_ERROR, MASK",
    "TOOL_ERROR, MASK",
    "ENVIRONMENT_LOST, DROP",
    "ENGINE_ERROR, DROP",
    "STALE, DROP",
    "CANCELLED, DROP",
    "CLIENT_GONE, DROP"
  })
  void everyStopReasonSaysWhatItMeansForTraining(StopReason reason, StopReason.Use use) {
    assertThat(reason.use()).isEqualTo(use);
    assertThat(reason.wire()).isEqualTo(reason.name().toLowerCase(Locale.ROOT));
    assertThat(StopReason.ofWire(reason.wire())).isEqualTo(reason);
  }
}
