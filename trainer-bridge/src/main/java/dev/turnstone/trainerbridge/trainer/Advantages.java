package dev.turnstone.trainerbridge.trainer;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Group-normalised advantages of GRPO (arXiv 2402.03300): `(r − mean) / (std + 1e-6)` with the
/// unbiased standard deviation over the scored rollouts of one group.
public final class Advantages {
  static final double EPSILON = 1e-6;

  private Advantages() {}

  /// One advantage per rollout, in order; 0 for a rollout without a reward, and for all if fewer
  /// than two were scored or all scored the same.
  static double[] grpo(List<Optional<Double>> rewards) {
    double[] scored = rewards.stream().flatMap(Optional::stream).mapToDouble(r -> r).toArray();
    double mean = Arrays.stream(scored).average().orElse(0);
    double squares = Arrays.stream(scored).map(r -> (r - mean) * (r - mean)).sum();
    double deviation = scored.length < 2 ? 0 : Math.sqrt(squares / (scored.length - 1));
    if (deviation == 0) return new double[rewards.size()];
    return rewards.stream()
        .mapToDouble(reward -> reward.map(r -> (r - mean) / (deviation + EPSILON)).orElse(0.0))
        .toArray();
  }
}
