package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// ReMax: every rollout is compared with one greedy rollout of its task, which is never trained
/// (arXiv 2310.10505). The run must ask for it: `"greedy_baseline": true`.
@AutoService(Algorithm.class)
public final class ReMax implements Algorithm {
  @Override
  public String name() {
    return "remax";
  }

  @Override
  public String summary() {
    return "A = r - r of the greedy rollout of the group; arXiv 2310.10505";
  }

  @Override
  public Objective objective() {
    return Objective.of(new GreedyBaseline(), new LogLikelihood());
  }

  /// `r − r_greedy`; 0 for a group whose greedy rollout failed or has no reward.
  record GreedyBaseline() implements AdvantageEstimator {
    @Override
    public Scope scope() {
      return Scope.GROUP;
    }

    @Override
    public boolean perRollout() {
      return true;
    }

    @Override
    public List<double[]> of(StepBatch batch) {
      if (batch.rollouts().stream().noneMatch(StepBatch.Scored::baseline))
        throw new IllegalArgumentException(
            "remax needs a greedy rollout in every group: create the run with"
                + " \"greedy_baseline\": true");
      double[] advantages = new double[batch.rollouts().size()];
      for (int[] group : batch.groups()) {
        Optional<Double> greedy =
            Arrays.stream(group)
                .mapToObj(batch.rollouts()::get)
                .filter(StepBatch.Scored::baseline)
                .findFirst()
                .flatMap(StepBatch.Scored::reward);
        for (int i : group) {
          StepBatch.Scored rollout = batch.rollouts().get(i);
          if (rollout.baseline() || greedy.isEmpty() || rollout.reward().isEmpty()) continue;
          advantages[i] = rollout.reward().get() - greedy.get();
        }
      }
      return batch.broadcast(advantages);
    }
  }
}
