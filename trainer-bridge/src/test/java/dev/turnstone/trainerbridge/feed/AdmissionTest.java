package dev.turnstone.trainerbridge.feed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.log.RunTable.Cursors;
import java.util.List;
import org.junit.jupiter.api.Test;

public class AdmissionTest {
  private final Admission admission = new Admission(4);

  @Test
  void atMostTheBoundIsAdmitted() {
    admission.started(3);
    assertThat(admission.free()).isEqualTo(1);
    admission.completed(1);
    assertThat(admission.free()).isEqualTo(1);
    admission.started(1);
    assertThat(admission.free()).isZero();
  }

  @Test
  void aDroppedGroupIsReleasedAtOnce() {
    admission.started(4);
    admission.dropped();
    admission.completed(2);
    admission.dropped(2);

    assertThat(admission.free()).isEqualTo(2);
  }

  @Test
  void aTrainedGroupIsReleasedWhenItsVersionIsApplied() {
    complete(4);
    admission.trained(2, 1, weights("base", 0));
    assertThat(admission.free()).isZero();

    admission.applied(weights("base", 1), false);
    assertThat(admission.free()).isEqualTo(2);
    assertThat(admission.released()).isEqualTo(2);
  }

  @Test
  void stepsWaitForTheirOwnVersions() {
    complete(4);
    admission.trained(1, 1, weights("base", 0));
    admission.trained(2, 2, weights("base", 0));
    admission.trained(4, 3, weights("base", 0));

    admission.applied(weights("base", 2), false);

    assertThat(admission.released()).isEqualTo(2);
  }

  @Test
  void aStepThatMadeNoNewVersionReleasesAtOnce() {
    complete(2);
    admission.trained(2, 0, weights("base", 0));

    assertThat(admission.free()).isEqualTo(4);
  }

  @Test
  void aNewLineageStandsForEveryStepBeforeIt() {
    complete(2);
    admission.trained(2, 9, weights("base", 0));
    admission.applied(weights("other", 1), true);

    assertThat(admission.free()).isEqualTo(4);
  }

  @Test
  void whatATrainerLostIsUnreleasedAgain() {
    complete(4);
    admission.trained(4, 1, weights("base", 1));
    assertThat(admission.free()).isEqualTo(4);

    admission.restore(new Cursors(1, 1, 1, 1), List.of(2L, 3L, 4L), weights("base", 1));

    assertThat(admission.free()).isEqualTo(1);
  }

  @Test
  void aRestartRemembersThatAVersionIsAwaited() {
    admission.restore(new Cursors(2, 2, 1, 0), List.of(1L, 2L), weights("base", 0));
    assertThat(admission.free()).isEqualTo(2);

    admission.applied(weights("base", 1), false);
    assertThat(admission.free()).isEqualTo(4);
  }

  private void complete(int groups) {
    admission.started(groups);
    for (int seq = 1; seq <= groups; seq++) admission.completed(seq);
  }

  private static WeightsId weights(String lineage, int version) {
    return new WeightsId(lineage, version, "0".repeat(64));
  }
}
