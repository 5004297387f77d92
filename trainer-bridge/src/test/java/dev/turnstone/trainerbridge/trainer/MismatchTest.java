package dev.turnstone.trainerbridge.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class MismatchTest {
  /// The example of `golden-objectives.json`.
  private static final float[] TRAINER = {-0.5f, -1, -2, -0.7f, -0.1f};

  private static final float[] ROLLOUT = {-0.55f, -1.1f, -3.6f, -0.5f, -0.15f};

  @Test
  void itIsK1AndK3OfTrainerAgainstRollout() {
    var mismatch = new Mismatch();
    mismatch.add(TRAINER, ROLLOUT);
    assertThat(mismatch.k3()).isCloseTo(0.4758952576601585, within(1e-6));
    assertThat(mismatch.k1()).isCloseTo(-0.32, within(1e-6));
    assertThat(mismatch.tokens()).isEqualTo(5);
  }

  @Test
  void theEffectiveSampleSizeIsOneWhereThePoliciesAreEqual() {
    var equal = new Mismatch();
    equal.add(ROLLOUT, ROLLOUT);
    assertThat(equal.effectiveSampleSize()).isEqualTo(1);
    var apart = new Mismatch();
    apart.add(TRAINER, ROLLOUT);
    assertThat(apart.effectiveSampleSize()).isBetween(0.2, 0.9);
  }
}
