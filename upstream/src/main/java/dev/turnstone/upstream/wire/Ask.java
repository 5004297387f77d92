package dev.turnstone.upstream.wire;

import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Tokens;

/// What one attempt at a turn asks of an engine.
///
/// @param id names the attempt; no two are alike
/// @param model as the engine calls it
/// @param prompt the turn's prompt and the tokens that earlier attempts brought
/// @param turn what was asked of the policy
/// @param sampled how many tokens earlier attempts brought
/// @param salt names the weights, so that nothing cached under others is used
public record Ask(
    String id, String model, Tokens prompt, Policy.Request turn, int sampled, String salt) {
  /// Tokens that are still wanted.
  int maxTokens() {
    return turn.maxTokens() - sampled;
  }

  int minTokens() {
    return Math.max(0, turn.sampling().minTokens() - sampled);
  }

  /// The request's seed, moved on by what was sampled, so that no draw is made twice.
  long seed() {
    return (turn.sampling().seed().orElseThrow() + 0x9e3779b9L * sampled) & Long.MAX_VALUE;
  }
}
