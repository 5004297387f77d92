package dev.turnstone.server.demo;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/// The demo's result: the last line of its standard output.
///
/// @param rewardLastWithoutTool mean reward of the final policy when its sandbox only answers an
///   error
/// @param duration of this invocation, not of those before it in the same folder
record DemoSummary(
    List<DemoStep> steps, double rewardLastWithoutTool, Duration duration, Path report) {
  private static final int FIRST = 3;
  private static final int LAST = 5;

  DemoSummary {
    steps = List.copyOf(steps);
  }

  List<DemoStep> first() {
    return steps.subList(0, Math.min(FIRST, steps.size()));
  }

  List<DemoStep> last() {
    return steps.subList(Math.max(0, steps.size() - LAST), steps.size());
  }

  ObjectNode json() {
    ObjectNode json = DemoClient.JSON.createObjectNode();
    json.put("steps", steps.size());
    json.put("reward_first", rounded(DemoStep.mean(first(), DemoStep::reward)));
    json.put("reward_last", rounded(DemoStep.mean(last(), DemoStep::reward)));
    json.put("tool_rate_first", rounded(DemoStep.mean(first(), DemoStep::toolRate)));
    json.put("tool_rate_last", rounded(DemoStep.mean(last(), DemoStep::toolRate)));
    json.put("reward_last_without_tool", rounded(rewardLastWithoutTool));
    json.put("mismatch_k3_max", mismatch());
    json.put("mismatch_tokens", steps.stream().mapToLong(DemoStep::mismatchTokens).sum());
    json.put("groups", steps.stream().mapToInt(step -> step.groups().size()).sum());
    json.put("tokens", steps.stream().mapToLong(DemoStep::tokens).sum());
    json.put("duration_s", duration.toMillis() / 1000.0);
    return json.put("report", report.toString());
  }

  /// Over the steps that had tokens to compare; NaN, which is `"NaN"` in JSON, if none had.
  private double mismatch() {
    return steps.stream()
        .filter(step -> step.mismatchTokens() > 0)
        .mapToDouble(DemoStep::mismatch)
        .max()
        .orElse(Double.NaN);
  }

  private static double rounded(double value) {
    return Double.isFinite(value) ? Math.round(value * 10_000) / 10_000.0 : value;
  }
}
