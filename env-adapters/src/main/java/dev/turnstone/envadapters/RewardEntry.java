package dev.turnstone.envadapters;

import java.util.Locale;

/// One part of a reward as it is registered. The reward is the sum of the parts times their
/// weights.
public sealed interface RewardEntry {
  /// Name of the part in the reward's parts.
  String name();

  double weight();

  /// 1 if the final answer equals a field of the task's data, else 0.
  ///
  /// @param field of the task's data: a string, number or boolean
  record ExactMatch(String name, double weight, String field, Normalize normalize)
      implements RewardEntry {}

  /// 1 if the last number of the final answer is near the one in a field of the task's data, else
  /// 0: `|answer − expected| ≤ max(absTolerance, relTolerance × |expected|)`.
  record Numeric(String name, double weight, String field, double absTolerance, double relTolerance)
      implements RewardEntry {}

  /// What a verifier says about task and transcript.
  record Http(String name, double weight, Endpoint endpoint, boolean idempotent)
      implements RewardEntry {}

  /// What is done to both texts before they are compared.
  enum Normalize {
    NONE,
    /// White space around them is removed.
    STRIP,
    /// Stripped and in lower case.
    LOWER;

    String wire() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
