package dev.turnstone.trainerbridge.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.wire.Frames;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

public class OverlongTest {
  /// The paper's own settings: L_max 20480, cache 4096; beyond L_max it stays at -1.
  @ParameterizedTest
  @CsvSource({"0, 0", "16384, 0", "18432, -0.5", "20480, -1", "24000, -1"})
  void thePunishmentIsDapos(int generated, double punishment) {
    assertThat(new Overlong(20_480, 4096, 1).punishment(generated))
        .isEqualTo(punishment, within(1e-12));
  }

  @Test
  void onlyWhatThePolicyWroteCountsAndAPartSaysWhatItCost() {
    Trajectory three =
        Frames.trajectory(
            new RolloutId("r", "g", 0, 0), Optional.of(new Reward(1, Map.of("exact", 1.0))));

    Trajectory shaped = new Overlong(4, 2, 0.5).shape(three);

    assertThat(shaped.reward().orElseThrow().value()).isEqualTo(0.75);
    assertThat(shaped.reward().orElseThrow().parts())
        .isEqualTo(Map.of("exact", 1.0, "overlong", -0.5));
    assertThat(shaped.rows()).isEqualTo(three.rows());
  }

  @Test
  void whatHasNoRewardGetsNone() {
    Trajectory unscored =
        Frames.trajectory(new RolloutId("r", "g", 0, 0), Optional.<Reward>empty());
    assertThat(new Overlong(4, 2, 1).shape(unscored).reward()).isEmpty();
  }
}
