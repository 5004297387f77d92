package dev.turnstone.server.demo;

import static dev.turnstone.server.demo.DemoFixtures.json;
import static dev.turnstone.server.demo.DemoFixtures.steps;
import static dev.turnstone.server.demo.DemoFixtures.trajectory;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class DemoReportTest {
  @Test
  void theSummaryHasTheFieldsOfTheContractInTheirOrder() {
    JsonNode summary = summary(steps(9)).json();

    assertThat(summary.fieldNames())
        .toIterable()
        .containsExactly(
            "steps",
            "reward_first",
            "reward_last",
            "tool_rate_first",
            "tool_rate_last",
            "reward_last_without_tool",
            "mismatch_k3_max",
            "mismatch_tokens",
            "groups",
            "tokens",
            "duration_s",
            "report");
    assertThat(summary.toString()).doesNotContain("\n");
  }

  @Test
  void firstIsTheMeanOfThreeStepsAndLastOfFive() {
    JsonNode summary = summary(steps(9)).json();

    assertThat(summary.path("reward_first").doubleValue()).isEqualTo(0.2);
    assertThat(summary.path("reward_last").doubleValue()).isEqualTo(0.7);
    assertThat(summary.path("tool_rate_last").doubleValue()).isEqualTo(0.5);
    assertThat(summary.path("mismatch_k3_max").doubleValue()).isEqualTo(9e-9);
    assertThat(summary.path("mismatch_tokens").intValue()).isEqualTo(900);
    assertThat(summary.path("groups").intValue()).isEqualTo(9);
    assertThat(summary.path("tokens").intValue()).isEqualTo(360);
    assertThat(summary.path("duration_s").doubleValue()).isEqualTo(12.5);
  }

  @Test
  void aMismatchOverNoTokensDoesNotCount() {
    DemoStep nothing =
        new DemoStep(1, json("{\"mismatch_k3\":0.0,\"mismatch_tokens\":0}"), List.of());

    assertThat(summary(List.of(nothing)).json().path("mismatch_k3_max").asText()).isEqualTo("NaN");
  }

  @Test
  void theReportIsOneFileThatLoadsNothing() {
    String html = new DemoReport(summary(steps(9)), List.of(trajectory()), List.of()).html();

    assertThat(html).doesNotContain("http://", "https://", "src=", "@import", "url(", "{{");
    assertThat(html).contains("<svg", "step 9: mean reward 0.90", "reward_last_without_tool");
  }

  @Test
  void tokensShowWhetherTheyWereReadSampledOrTrained() {
    String html = new DemoTrajectory(trajectory()).html();

    assertThat(html)
        .contains("<span class='read' title='id 1, read'>&lt;|im_start|&gt;</span>")
        .contains(
            "<span class='trained' style='--p:0.50' title='id 3, log-probability -0.693, version 7,"
                + " turn 0, mask 1'>x &lt; y</span>")
        .contains("<span class='sampled' style='--p:0.95'")
        .contains("a &amp; b")
        .contains("reward <b>1.00</b>");
  }

  @Test
  void aPlotLeavesOutWhatHasNoLogarithm() {
    String svg =
        new DemoPlot(
                "k3",
                DemoPlot.Scale.LOGARITHMIC,
                List.of(new DemoPlot.Series("k3", "#000", List.of(0.0, 1e-8, Double.NaN, 1e-7))))
            .svg();

    assertThat(svg).contains("step 2: k3 1.0e-08", "step 4: k3 1.0e-07");
    assertThat(svg).doesNotContain("NaN", "Infinity", "step 1: ", "step 3: ");
  }

  @Test
  void aReportOfNothingIsStillAReport() {
    String html = new DemoReport(summary(List.of()), List.of(), List.of()).html();

    assertThat(html).contains("<svg").doesNotContain("{{");
  }

  private static DemoSummary summary(List<DemoStep> steps) {
    return new DemoSummary(steps, 0.25, Duration.ofMillis(12_500), Path.of("/tmp/report.html"));
  }
}
