package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;
import java.util.Arrays;

/// MaxRL: rewards relative to the group's rate of success, which follows the likelihood of being
/// right (arXiv 2602.02710). For rewards that are not negative.
@AutoService(Algorithm.class)
public final class MaxRl implements Algorithm {
  @Override
  public String name() {
    return "max_rl";
  }

  @Override
  public String summary() {
    return "A = (r - mean) / mean of the group; arXiv 2602.02710";
  }

  @Override
  public Objective objective() {
    return Objective.of(new RelativeToMean(), new ClippedSurrogate());
  }

  /// `(r − mean) / mean`; 0 where the mean is not positive.
  record RelativeToMean() implements GroupAdvantage {
    @Override
    public double[] of(double[] rewards) {
      double mean = Moments.of(rewards).mean();
      return Arrays.stream(rewards).map(r -> mean > 0 ? (r - mean) / mean : 0).toArray();
    }
  }
}
