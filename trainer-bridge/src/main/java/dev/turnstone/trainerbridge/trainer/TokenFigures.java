package dev.turnstone.trainerbridge.trainer;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.trainerbridge.algorithm.PolicyLoss;

/// What the trained tokens of one part of a step say: those of one environment, or those that one
/// older version sampled.
final class TokenFigures {
  private final Mismatch drift = new Mismatch();
  private double surprise;
  private long below;
  private long above;
  private long compared;

  /// One token's log-probabilities under the weights at the start of the step and under those that
  /// sampled it.
  void recomputed(float trainer, float rollout) {
    drift.add(trainer, rollout);
    surprise -= trainer;
  }

  /// One token's ratio after the last inner step.
  void moved(double ratio, PolicyLoss.Clip clip) {
    if (ratio < 1 - clip.low()) below++;
    if (ratio > 1 + clip.high()) above++;
    compared++;
  }

  Mismatch drift() {
    return drift;
  }

  /// Mean negative log-probability of the sampled tokens.
  double entropy() {
    return drift.tokens() == 0 ? 0 : surprise / drift.tokens();
  }

  double clippedLow() {
    return share(below);
  }

  double clippedHigh() {
    return share(above);
  }

  private double share(long tokens) {
    return compared == 0 ? 0 : (double) tokens / compared;
  }

  void write(ObjectNode node) {
    node.put("tokens", drift.tokens()).put("k1", drift.k1()).put("k3", drift.k3());
    node.put("effective_sample_size", drift.effectiveSampleSize()).put("entropy", entropy());
    node.put("clip_low", clippedLow()).put("clip_high", clippedHigh());
  }
}
