package dev.turnstone.server.completion;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;

/// How a generation ended, but for its tokens.
///
/// @param cached prompt tokens that were not computed again
record Outcome(
    FinishReason reason, int cached, String lineage, boolean mixedKv, boolean constrained) {
  static Outcome of(Generation generation) {
    return new Outcome(
        generation.finish(),
        generation.cachedTokens(),
        generation.lineage(),
        generation.mixedKv(),
        generation.constrained());
  }

  /// One that was cut off and told nothing more.
  static Outcome aborted(String lineage) {
    return new Outcome(FinishReason.ABORT, 0, lineage, false, false);
  }
}
