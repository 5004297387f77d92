package dev.turnstone.server.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;

/// One training step: what the trainer measured, and the groups it trained on.
///
/// @param number from 1
/// @param metrics a line of the trainer's metrics
record DemoStep(int number, JsonNode metrics, List<DemoGroup> groups) {
  DemoStep {
    groups = List.copyOf(groups);
  }

  /// Mean over the scored rollouts.
  double reward() {
    return reward(groups).orElse(0);
  }

  static OptionalDouble reward(List<DemoGroup> groups) {
    return groups.stream()
        .flatMap(group -> group.rollouts().stream())
        .flatMapToDouble(rollout -> rollout.reward().stream())
        .average();
  }

  /// Share of the rollouts in which a tool was called.
  double toolRate() {
    return mean(rollout -> rollout.calledATool() ? 1 : 0);
  }

  /// Generated tokens of a rollout, on average.
  double length() {
    return mean(DemoGroup.Rollout::tokens);
  }

  int tokens() {
    return groups.stream().mapToInt(DemoGroup::tokens).sum();
  }

  /// Estimate k3 of the divergence between the log-probabilities of server and trainer, over
  /// [#mismatchTokens] tokens of the trainer's own version.
  double mismatch() {
    return metrics.path("mismatch_k3").asDouble(Double.NaN);
  }

  long mismatchTokens() {
    return metrics.path("mismatch_tokens").asLong();
  }

  /// Versions between the policy that sampled the step's oldest token and the one trained.
  int staleness() {
    return metrics.path("staleness_max").asInt();
  }

  int version() {
    return metrics.path("version").asInt();
  }

  static double mean(List<DemoStep> steps, ToDoubleFunction<DemoStep> value) {
    return steps.stream().mapToDouble(value).average().orElse(Double.NaN);
  }

  private double mean(ToDoubleFunction<DemoGroup.Rollout> value) {
    DoubleStream values =
        groups.stream().flatMap(group -> group.rollouts().stream()).mapToDouble(value);
    return values.average().orElse(0);
  }
}
