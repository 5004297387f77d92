package dev.turnstone.trainerbridge.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class AlarmsTest {
  private static Mismatch apart(float difference) {
    var mismatch = new Mismatch();
    for (int i = 0; i < 100; i++) mismatch.add(-1 + (i % 2 == 0 ? difference : -difference), -1);
    return mismatch;
  }

  /// One token in a hundred carries nearly all the weight.
  private static Mismatch lopsided() {
    var mismatch = new Mismatch();
    for (int i = 0; i < 100; i++) mismatch.add(i == 0 ? 0 : -5, -5);
    return mismatch;
  }

  @Test
  void aHealthyStepRaisesNone() {
    assertThat(Alarms.of(apart(1e-4f), apart(0.1f), 0.5, 1, 1)).isEmpty();
  }

  @Test
  void eachTroubleIsNamed() {
    assertThat(Alarms.of(apart(0.3f), apart(0.1f), 0.5, 1, 1))
        .singleElement()
        .asString()
        .startsWith("mismatch_k3 is 0.04");
    assertThat(Alarms.of(apart(0), lopsided(), Double.NaN, 3, 1))
        .hasSize(4)
        .anyMatch(alarm -> alarm.startsWith("drift_k3"))
        .anyMatch(alarm -> alarm.startsWith("effective_sample_size"))
        .contains("grad_norm is NaN", "staleness is 3, above the run's 1");
  }

  @Test
  void aLogProbabilityThatIsNoNumberIsNamed() {
    var broken = new Mismatch();
    broken.add(Float.NaN, -1);
    assertThat(Alarms.of(apart(0), broken, 0.5, 0, 1)).contains("a log-probability is not finite");
  }
}
