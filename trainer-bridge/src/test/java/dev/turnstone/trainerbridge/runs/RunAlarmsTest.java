package dev.turnstone.trainerbridge.runs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.trainerbridge.json.JsonText;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunAlarmsTest {
  private final RunAlarms alarms = new RunAlarms(2);

  private static ObjectNode figures(String json) {
    return (ObjectNode) JsonText.parse(json);
  }

  private List<RunEvent.Alarm> mismatches(double... values) {
    List<RunEvent.Alarm> found = new ArrayList<>();
    for (int step = 0; step < values.length; step++)
      found.addAll(
          alarms.step(JsonText.object().put("step", step).put("mismatch_k3", values[step])));
    return found;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'step':3,'loss':0.5,'staleness_max':2,'lineage':'nano'} | ''",
        "{'step':3,'loss':'NaN'} | loss is NaN",
        "{'step':3,'grad_norm':'-Infinity'} | grad_norm is -Infinity",
        "{'step':3,'staleness_max':3} | staleness_max is 3, above the run's 2",
        "{'step':3,'alarms':['drift_k3 is 0.2']} | drift_k3 is 0.2"
      })
  void whatAStepSaysIsTold(String json, String detail) {
    List<RunEvent.Alarm> found = alarms.step(figures(json.replace('\'', '"')));
    assertThat(found.stream().map(RunEvent.Alarm::detail).toList())
        .isEqualTo(detail.isEmpty() ? List.of() : List.of(detail));
    assertThat(alarms.raised()).isEqualTo(found.size());
  }

  @Test
  void aMismatchThatRisesIsToldOnce() {
    assertThat(mismatches(1, 1, 1, 1, 1, 2.1, 2.1, 2.1, 2.1, 2.1, 4, 8))
        .singleElement()
        .satisfies(alarm -> {
          assertThat(alarm.name()).isEqualTo("alarm");
          assertThat(alarm.toJson().path("alarm").asText()).isEqualTo("mismatch_rising");
          assertThat(alarm.step()).isEqualTo(9);
          assertThat(alarm.detail())
              .isEqualTo("mismatch_k3 rose from 1.00 to 2.10 within 10 steps");
        });
  }

  @Test
  void aMismatchThatStaysOrIsArithmeticIsNotTold() {
    assertThat(mismatches(1, 1, 1, 1, 1, 1.9, 1.9, 1.9, 1.9, 1.9)).isEmpty();
    assertThat(mismatches(1e-7, 1e-7, 1e-7, 1e-7, 1e-7, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4)).isEmpty();
  }

  @Test
  void ofManyAlarmsOfOneStepTheRestIsCounted() {
    ObjectNode figures = JsonText.object();
    for (int i = 0; i < 100; i++) figures.put("loss_" + i, "nan");

    assertThat(alarms.step(figures).stream().map(RunEvent.Alarm::detail))
        .hasSize(16)
        .last()
        .isEqualTo("the step gave cause for 85 more alarms");
    assertThat(alarms.raised()).isEqualTo(100);
  }

  @Test
  void aGroupThatCameTooLateIsNamed() {
    assertThat(alarms.stale("g-7").detail())
        .isEqualTo("group g-7 came more than 2 versions late and was dropped");
  }
}
