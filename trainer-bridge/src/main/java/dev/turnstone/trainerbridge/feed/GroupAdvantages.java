package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.algorithm.AdvantageEstimator;
import dev.turnstone.trainerbridge.algorithm.StepBatch;
import dev.turnstone.trainerbridge.algorithm.TokenRow;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.log.RolloutTable.Settled;
import dev.turnstone.trainerbridge.log.Settlement;
import dev.turnstone.trainerbridge.log.TurnTokens;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.wire.TokenAdvantages;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// The advantages that one group is sent with, as the run's algorithm has them.
///
/// @param rollouts of scored rollouts by index, if all tokens of a rollout have the same; else
///   empty
/// @param rows of every row of trained rollouts by index, if they have not; else empty
record GroupAdvantages(Map<Integer, Double> rollouts, Map<Integer, List<TokenAdvantages>> rows) {
  static final GroupAdvantages NONE = new GroupAdvantages(Map.of(), Map.of());

  GroupAdvantages {
    rollouts = Map.copyOf(rollouts);
    rows = Map.copyOf(rows);
  }

  /// The advantages of groups that are computed together, in their order.
  static List<GroupAdvantages> of(RunSpec spec, List<List<Settled>> groups) {
    AdvantageEstimator estimator = spec.estimator().orElseThrow();
    Batch batch = new Batch(spec, estimator);
    for (int group = 0; group < groups.size(); group++) batch.add(group, groups.get(group));
    List<double[]> values = estimator.of(new StepBatch(batch.rollouts, batch.rows));
    List<GroupAdvantages> advantages = new ArrayList<>();
    for (int group = 0; group < groups.size(); group++)
      advantages.add(batch.of(group, values, estimator.perRollout()));
    return advantages;
  }

  /// What an estimator reads, and where each row of it came from.
  private static final class Batch {
    private final RunSpec spec;

    // A rollout's tokens do not matter where its group's rewards decide.
    private final boolean rewardsOnly;
    private final List<StepBatch.Scored> rollouts = new ArrayList<>();
    private final List<TokenRow> rows = new ArrayList<>();
    private final List<Integer> indices = new ArrayList<>();

    Batch(RunSpec spec, AdvantageEstimator estimator) {
      this.spec = spec;
      rewardsOnly = estimator.perRollout() && estimator.scope() == AdvantageEstimator.Scope.GROUP;
    }

    void add(int group, List<Settled> settled) {
      int before = rollouts.size();
      for (Settled rollout : settled) if (rollout.outcome().delivered()) add(group, rollout);
      boolean compared =
          rollouts.subList(before, rollouts.size()).stream().anyMatch(StepBatch.Scored::baseline);
      // A greedy rollout that failed is one without a reward.
      if (!spec.greedyBaseline() || compared) return;
      rollouts.add(new StepBatch.Scored(group, Optional.empty(), List.of(), true));
      indices.add(0);
    }

    private void add(int group, Settled settled) {
      RolloutSummary summary = settled.summary().orElseThrow();
      boolean greedy = spec.greedyBaseline() && summary.index() == 0;
      TurnTokens tokens =
          settled
              .turnTokens()
              .filter(known -> !rewardsOnly)
              .orElse(new TurnTokens(List.of(List.of(new TurnTokens.Span(0, 1))), List.of()));
      boolean trained = rewardsOnly || settled.outcome().kind().equals(Settlement.TRAIN);
      if (trained && !greedy)
        for (int row = 0; row < tokens.rows().size(); row++)
          rows.add(
              new TokenRow(
                  rollouts.size(),
                  tokens.turns(row),
                  Optional.empty(),
                  Optional.empty(),
                  Optional.empty()));
      Optional<Double> reward = summary.reward().stream().boxed().findFirst();
      rollouts.add(new StepBatch.Scored(group, reward, tokens.turnRewards(), greedy));
      indices.add(summary.index());
    }

    GroupAdvantages of(int group, List<double[]> values, boolean perRollout) {
      Map<Integer, Double> one = new TreeMap<>();
      Map<Integer, List<TokenAdvantages>> many = new LinkedHashMap<>();
      for (int i = 0; i < rows.size(); i++) {
        StepBatch.Scored rollout = rollouts.get(rows.get(i).rollout());
        if (rollout.group() != group) continue;
        int index = indices.get(rows.get(i).rollout());
        if (!perRollout)
          many.computeIfAbsent(index, _ -> new ArrayList<>())
              .add(TokenAdvantages.of(values.get(i)));
        else if (rollout.reward().isPresent() && values.get(i).length > 0)
          one.put(index, values.get(i)[0]);
      }
      return new GroupAdvantages(one, many);
    }
  }
}
