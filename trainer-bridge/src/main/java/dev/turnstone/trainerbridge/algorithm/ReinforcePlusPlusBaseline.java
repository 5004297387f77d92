package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;
import java.util.List;

/// REINFORCE++ with a baseline: centred by group, whitened over the batch (arXiv 2501.03262).
@AutoService(Algorithm.class)
public final class ReinforcePlusPlusBaseline implements Algorithm {
  @Override
  public String name() {
    return "reinforce_plus_plus_baseline";
  }

  @Override
  public String summary() {
    return "A = whiten(r - mean of the group) over the batch; arXiv 2501.03262";
  }

  @Override
  public Objective objective() {
    return Objective.of(new WhitenedGroups(), new ClippedSurrogate());
  }

  /// Centred rewards on every trained token, whitened over all of them.
  record WhitenedGroups() implements AdvantageEstimator {
    @Override
    public boolean perRollout() {
      return true;
    }

    @Override
    public List<double[]> of(StepBatch batch) {
      return Moments.whiten(GroupNormalised.CENTRED.of(batch));
    }
  }
}
