package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;
import java.util.Arrays;

/// RLOO: a rollout is compared with the mean of the others of its group (arXiv 2402.14740).
@AutoService(Algorithm.class)
public final class Rloo implements Algorithm {
  @Override
  public String name() {
    return "rloo";
  }

  @Override
  public String summary() {
    return "A = r - mean of the others of the group; arXiv 2402.14740";
  }

  @Override
  public Objective objective() {
    return Objective.of(new LeaveOneOut(), new ClippedSurrogate());
  }

  /// `r − (Σr − r) / (n − 1)`.
  record LeaveOneOut() implements GroupAdvantage {
    @Override
    public double[] of(double[] rewards) {
      double sum = Arrays.stream(rewards).sum();
      return Arrays.stream(rewards).map(r -> r - (sum - r) / (rewards.length - 1)).toArray();
    }
  }
}
