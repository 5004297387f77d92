package dev.turnstone.trainerbridge.algorithm;

import java.util.List;
import java.util.Optional;

/// Turns rewards into one advantage per trained token. Advantages are constants: no gradient flows
/// through them.
public interface AdvantageEstimator {
  /// One array per row of the batch, one value per trained token of it. A rollout without a reward
  /// gets 0 and takes no part in any mean.
  List<double[]> of(StepBatch batch);

  /// What [#of] must see at once to give a group its advantages.
  enum Scope {
    /// The group.
    GROUP,
    /// All groups of a step.
    STEP
  }

  default Scope scope() {
    return Scope.STEP;
  }

  /// Whether all tokens of a rollout have the same advantage.
  default boolean perRollout() {
    return false;
  }

  /// Whether [#of] reads log-probabilities at the start of the step, which cost a forward pass.
  default boolean readsLogprobs() {
    return false;
  }

  /// Whether [#of] reads log-probabilities under a reference policy.
  default boolean readsReference() {
    return false;
  }

  /// The critic it needs, if any.
  default Optional<Critic> critic() {
    return Optional.empty();
  }
}
