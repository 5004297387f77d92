package dev.turnstone.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class ProbedModeTest {
  private static final Map<Integer, Float> ONE = Map.of(1, -0.4f, 2, -1.4f, 3, -3.4f);

  @Test
  void logprobsThatFollowTheTemperatureAreThoseOfTheSampler() {
    assertThat(ProbedMode.of(ONE, Map.of(1, -0.8f, 2, -1.3f, 3, -2.3f), 2))
        .contains(ProbedMode.SCALED);
  }

  @Test
  void logprobsThatStayAreRaw() {
    assertThat(ProbedMode.of(ONE, Map.of(1, -0.41f, 2, -1.39f, 3, -3.4f), 2))
        .contains(ProbedMode.RAW);
  }

  @Test
  void logitsAreNoLogprobs() {
    assertThat(ProbedMode.of(Map.of(1, 9f, 2, 4f), Map.of(1, 4.5f, 2, 2f), 2))
        .contains(ProbedMode.LOGITS);
    assertThat(ProbedMode.of(Map.of(1, -4f, 2, -9f), Map.of(1, -2f, 2, -4.5f), 2))
        .contains(ProbedMode.LOGITS);
  }

  @Test
  void aSingleIdTellsRawFromScaled() {
    assertThat(ProbedMode.of(Map.of(1, -0.4f), Map.of(1, -0.4f), 2)).contains(ProbedMode.RAW);
    assertThat(ProbedMode.of(Map.of(1, -0.4f), Map.of(1, -0.7f), 2)).contains(ProbedMode.SCALED);
  }

  @Test
  void certaintyTellsNothing() {
    assertThat(ProbedMode.of(Map.of(1, 0f), Map.of(1, -0.001f), 2)).isEmpty();
    assertThat(ProbedMode.of(Map.of(1, -0.4f), Map.of(2, -0.4f), 2)).isEmpty();
  }
}
