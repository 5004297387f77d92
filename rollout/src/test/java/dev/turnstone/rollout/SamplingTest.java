package dev.turnstone.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplingTest {
  @ParameterizedTest(name = "temperature {0}, top_k {1}, top_p {2}, min_p {3}: {4}")
  @CsvSource({
    "-1, 0, 1, 0, 'temperature is not in [0, 100]: -1.0'",
    "NaN, 0, 1, 0, 'temperature is not in [0, 100]: NaN'",
    "1, -2, 1, 0, top_k < 0: -2",
    "1, 0, 0, 0, 'top_p is not in (0, 1]: 0.0'",
    "1, 0, NaN, 0, 'top_p is not in (0, 1]: NaN'",
    "1, 0, 1, 1.5, 'min_p is not in [0, 1]: 1.5'",
  })
  void absurdTruncationIsRefusedWithTheValue(
      double temperature, int topK, double topP, double minP, String sentence) {
    assertThatThrownBy(() -> new Sampling(temperature, topK, topP, minP, OptionalLong.empty()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(sentence);
  }

  @Test
  void absurdPenaltiesBiasesAndLengthsAreRefusedWithTheValue() {
    assertThatThrownBy(() -> new Penalties(2.5, 0, 1)).hasMessageContaining("2.5");
    assertThatThrownBy(() -> new Penalties(0, -3, 1)).hasMessageContaining("-3.0");
    assertThatThrownBy(() -> new Penalties(0, 0, 0)).hasMessageContaining("repetition_penalty");
    assertThatThrownBy(() -> Sampling.FULL.withLogitBias(Map.of(3, 101.0)))
        .hasMessage("logit_bias of id 3 is not in [-100, 100]: 101.0");
    assertThatThrownBy(() -> Sampling.FULL.withLogitBias(Map.of(3, Double.NaN)))
        .hasMessageContaining("NaN");
    assertThatThrownBy(() -> Sampling.FULL.withAllowedIds(Set.of(-4))).hasMessageContaining("-4");
    assertThatThrownBy(() -> request(Sampling.FULL.withMinTokens(6)))
        .hasMessage("min_tokens 6 is above max_tokens 5");
  }

  private static Policy.Request request(Sampling sampling) {
    return new Policy.Request(Tokens.of(1), sampling, 5, Set.of(2), Duration.ofSeconds(1));
  }

  @Test
  void onlyWhatATrainerCanRecomputeFromTheTemperatureIsPlain() {
    assertThat(new Sampling(0.3, 0, 1, 0, OptionalLong.of(3)).plain()).isTrue();
    assertThat(Sampling.GREEDY.plain()).isTrue();
    assertThat(Sampling.FULL.withPenalties(new Penalties(0, 0, 1)).plain()).isTrue();
    assertThat(Sampling.FULL.withPenalties(new Penalties(0, 0.1, 1)).plain()).isFalse();
    assertThat(Sampling.FULL.withLogitBias(Map.of(1, 2.0)).plain()).isFalse();
    assertThat(Sampling.FULL.withAllowedIds(Set.of(1)).plain()).isFalse();
    assertThat(Sampling.FULL.withMinTokens(1).plain()).isFalse();
    assertThat(Sampling.FULL.withLogprobMode(LogprobMode.RAW).plain()).isFalse();
    assertThat(Sampling.FULL.withLogprobMode(LogprobMode.RAW).changesDistribution()).isFalse();
  }
}
