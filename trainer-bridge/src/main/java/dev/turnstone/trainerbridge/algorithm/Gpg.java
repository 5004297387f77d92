package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;
import java.util.Arrays;
import java.util.List;

/// GPG: the plain policy gradient over centred rewards, rescaled for the rollouts that carry no
/// signal (arXiv 2504.02546).
@AutoService(Algorithm.class)
public final class Gpg implements Algorithm {
  @Override
  public String name() {
    return "gpg";
  }

  @Override
  public String summary() {
    return "-A l, A = (r - mean) B / (rollouts with a signal); arXiv 2504.02546";
  }

  @Override
  public Objective objective() {
    return Objective.of(new Rescaled(), new LogLikelihood());
  }

  /// `α (r − mean)` with α = rollouts of the step over those whose reward is not 0, as verl has it.
  record Rescaled() implements AdvantageEstimator {
    @Override
    public boolean perRollout() {
      return true;
    }

    @Override
    public List<double[]> of(StepBatch batch) {
      double[] rewards =
          batch.rollouts().stream()
              .filter(rollout -> !rollout.baseline())
              .flatMap(rollout -> rollout.reward().stream())
              .mapToDouble(r -> r)
              .toArray();
      long signals = Arrays.stream(rewards).filter(r -> r != 0).count();
      double alpha = signals == 0 ? 1 : (double) rewards.length / signals;
      return GroupNormalised.CENTRED.of(batch).stream()
          .map(row -> Arrays.stream(row).map(a -> alpha * a).toArray())
          .toList();
    }
  }
}
