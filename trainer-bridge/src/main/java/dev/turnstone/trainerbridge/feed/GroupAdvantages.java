package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.algorithm.Algorithm;
import dev.turnstone.trainerbridge.algorithm.StepBatch;
import dev.turnstone.trainerbridge.algorithm.TokenRow;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// The advantages of a group's scored rollouts, as the run's algorithm has them.
final class GroupAdvantages {
  private GroupAdvantages() {}

  /// By the rollout's index; empty if the run leaves them to its trainer.
  static Map<Integer, Double> of(RunSpec spec, List<RolloutSummary> delivered) {
    if (spec.advantages().isEmpty()) return Map.of();
    List<StepBatch.Scored> rollouts = new ArrayList<>();
    List<TokenRow> rows = new ArrayList<>();
    for (RolloutSummary rollout : delivered) {
      rows.add(
          new TokenRow(
              rollouts.size(), new int[1], Optional.empty(), Optional.empty(), Optional.empty()));
      rollouts.add(
          new StepBatch.Scored(
              0, rollout.reward().stream().boxed().findFirst(), List.of(), greedy(spec, rollout)));
    }
    if (spec.greedyBaseline() && rollouts.stream().noneMatch(StepBatch.Scored::baseline))
      return Map.of();
    List<double[]> values =
        Algorithm.named(spec.advantages().get())
            .objective()
            .advantage()
            .of(new StepBatch(rollouts, rows));
    Map<Integer, Double> advantages = new TreeMap<>();
    for (int i = 0; i < delivered.size(); i++)
      if (delivered.get(i).scored() && !greedy(spec, delivered.get(i)))
        advantages.put(delivered.get(i).index(), values.get(i)[0]);
    return advantages;
  }

  private static boolean greedy(RunSpec spec, RolloutSummary rollout) {
    return spec.greedyBaseline() && rollout.index() == 0;
  }
}
