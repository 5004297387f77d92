package dev.turnstone.trainerbridge.algorithm;

/// Which policy the ratio is taken against.
public enum Proximal {
  /// The one the step began with, as the trainer computes it.
  RECOMPUTED,
  /// The one that sampled, as the engine recorded it. The ratio then corrects for it, so no other
  /// correction may.
  BEHAVIOUR,
  /// One version before the present one, interpolated between the two: with α = (v − 1 − v_μ) / (v
  /// − v_μ), `ℓ_μ + α (ℓ − ℓ_μ)` (AReaL, arXiv 2505.24298).
  INTERPOLATED;

  /// The log-probabilities to take the ratio against.
  ///
  /// @param recomputed under the policy the step began with
  /// @param versions that sampled each token
  /// @param version of the policy the step began with
  public double[] of(double[] recomputed, double[] behaviour, int[] versions, int version) {
    return switch (this) {
      case RECOMPUTED -> recomputed;
      case BEHAVIOUR -> behaviour;
      case INTERPOLATED -> {
        double[] proximal = new double[recomputed.length];
        for (int t = 0; t < proximal.length; t++) {
          int age = version - versions[t];
          double share = age <= 0 ? 1 : (age - 1.0) / age;
          proximal[t] = behaviour[t] + share * (recomputed[t] - behaviour[t]);
        }
        yield proximal;
      }
    };
  }
}
