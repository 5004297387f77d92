package dev.turnstone.trainerbridge.algorithm;

import java.util.List;

/// Turns rewards into one advantage per trained token. Advantages are constants: no gradient flows
/// through them.
public interface AdvantageEstimator {
  /// One array per row of the batch, one value per trained token of it. A rollout without a reward
  /// gets 0 and takes no part in any mean.
  List<double[]> of(StepBatch batch);

  /// Whether [#of] reads log-probabilities at the start of the step, which cost a forward pass.
  default boolean readsLogprobs() {
    return false;
  }

  /// The critic it needs, if any.
  default java.util.Optional<Critic> critic() {
    return java.util.Optional.empty();
  }
}
