package dev.turnstone.envadapters;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Reward;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Stored conversations, scored again with the rewards as they are registered now.
final class RescoringTest {
  private final Peerage peer = new Peerage();
  private final List<Message> stored = Peerage.answered("it is 4");

  @AfterEach
  void close() {
    peer.close();
  }

  @Test
  void theRewardsAreThoseThatAreRegisteredNow() throws Exception {
    register("{'kind':'exact_match'}");
    assertThat(score(List.of())).map(Reward::value).hasValue(0.0);

    register("{'kind':'numeric','weight':3}");
    assertThat(score(List.of())).map(Reward::value).hasValue(3.0);
  }

  @Test
  void whatTurnsWereGivenCountsForTheirSum() throws Exception {
    register("{'kind':'steps','weight':2}");

    assertThat(score(List.of(0.5, -0.25, 1.0))).map(Reward::value).hasValue(2.5);
    assertThat(score(List.of())).map(Reward::value).hasValue(0.0);
  }

  @Test
  void anEnvironmentWithoutRewardsScoresNothing() throws Exception {
    register("");

    assertThat(score(List.of())).isEmpty();
  }

  @Test
  void whatOnlyAnOpenEnvironmentKnowsCannotBeScoredAgain() {
    register("{'kind':'environment'}");

    assertThatThrownBy(() -> score(List.of())).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void anEnvironmentThatIsNotThereIsNamed() {
    assertThatThrownBy(() -> score(List.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("environment e is not registered, or cannot score what is stored");
  }

  private void register(String rewards) {
    String body = "{'environment':'e','tools':[],'rewards':[%s]}".formatted(rewards);
    peer.environments.remove("e");
    peer.environments.register(EnvironmentSpec.parse(body.replace('\'', '"')));
  }

  private Optional<Reward> score(List<Double> steps)
      throws Environment.EnvironmentLost, InterruptedException {
    return peer.environments.score(Peerage.task("{'answer':4}"), stored, steps);
  }
}
