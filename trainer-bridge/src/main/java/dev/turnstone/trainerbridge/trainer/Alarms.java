package dev.turnstone.trainerbridge.trainer;

import java.util.ArrayList;
import java.util.List;

/// What should make somebody look at a training run, as sentences.
final class Alarms {
  /// A healthy pair of engine and trainer at one precision stays a hundred times below.
  private static final double MISMATCH = 1e-2;

  private static final double DRIFT = 1e-1;
  private static final double EFFECTIVE = 0.5;

  private Alarms() {}

  static List<String> of(
      Mismatch mismatch, Mismatch drift, double gradNorm, int staleness, int bound) {
    var alarms = new ArrayList<String>();
    if (mismatch.k3() > MISMATCH)
      alarms.add(
          "mismatch_k3 is %.3g: the engine and the trainer compute different probabilities from the"
                  .formatted(mismatch.k3())
              + " same weights");
    if (!Double.isFinite(mismatch.k3()) || !Double.isFinite(drift.k3()))
      alarms.add("a log-probability is not finite");
    if (drift.k3() > DRIFT)
      alarms.add(
          "drift_k3 is %.3g: what is trained was sampled by a policy far from this one"
              .formatted(drift.k3()));
    if (drift.effectiveSampleSize() < EFFECTIVE)
      alarms.add(
          "effective_sample_size is %.2f: few tokens carry the step"
              .formatted(drift.effectiveSampleSize()));
    if (!Double.isFinite(gradNorm)) alarms.add("grad_norm is " + gradNorm);
    if (staleness > bound)
      alarms.add("staleness is %d, above the run's %d".formatted(staleness, bound));
    return alarms;
  }
}
