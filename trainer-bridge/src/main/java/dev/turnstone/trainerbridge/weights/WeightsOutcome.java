package dev.turnstone.trainerbridge.weights;

import dev.turnstone.rollout.TrainablePolicy;

/// What became of a [WeightsRequest].
public sealed interface WeightsOutcome {
  /// The weights serve, and will again after a restart.
  ///
  /// @param newLineage whether versions before and after do not compare
  record Applied(TrainablePolicy.Applied update, boolean newLineage) implements WeightsOutcome {}

  /// The old weights go on serving; `why` is one sentence for the client.
  record Refused(String why) implements WeightsOutcome {}

  /// Another update is under way; the same request may succeed later.
  record Busy(String why) implements WeightsOutcome {}
}
