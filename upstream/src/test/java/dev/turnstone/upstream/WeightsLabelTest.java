package dev.turnstone.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.WeightsId;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WeightsLabelTest {
  private static final WeightsId ID = new WeightsId("team/base", 7, "ab".repeat(32));

  @Test
  void itIsReadBackAsItWasWritten() {
    WeightsLabel label = WeightsLabel.of(ID);

    assertThat(label).hasToString("team/base/7/abababababab");
    assertThat(WeightsLabel.parse(label.toString())).contains(label);
    assertThat(label.newerThan(new WeightsId("team/base", 6, ID.sha256()))).isTrue();
    assertThat(label.newerThan(ID)).isFalse();
    assertThat(label.newerThan(new WeightsId("other", 6, ID.sha256()))).isFalse();
  }

  @Test
  void whatIsBeingBroughtIsNobodysVersionAndAbandonedAfterTenMinutes() {
    String loading = WeightsLabel.of(ID).loading(1000);

    assertThat(WeightsLabel.parse(loading)).isEmpty();
    assertThat(WeightsLabel.underWay(loading, 1000)).isTrue();
    assertThat(WeightsLabel.underWay(loading, 1599)).isTrue();
    assertThat(WeightsLabel.underWay(loading, 1600)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "default", "none", "my/label", "base/x/abababababab", "a/1/xyz"})
  void whatNoServerWroteIsNoLabel(String text) {
    assertThat(WeightsLabel.parse(text)).isEmpty();
    assertThat(WeightsLabel.underWay(text, 0)).isFalse();
  }
}
