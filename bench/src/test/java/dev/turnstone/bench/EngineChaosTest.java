package dev.turnstone.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class EngineChaosTest {
  @Test
  void rolloutsOutliveTheirEngines() throws Exception {
    ObjectNode figures = new EngineChaos().run(List.of("8", "4"));

    assertThat(figures.path("kills").asInt()).isPositive();
    assertThat(figures.path("updates").asInt()).isPositive();
    assertThat(figures.path("rollouts").asInt()).isPositive();
    assertThat(figures.path("sampled_tokens").asLong()).isPositive();
    assertThat(figures.path("lost").asInt()).isZero();
    assertThat(figures.path("not_policy_made").asInt()).isZero();
    assertThat(figures.path("wrong_tokens").asInt()).isZero();
  }
}
