package dev.turnstone.server.completion;

import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;

/// One prompt and the choices that are to follow it, whatever wire it came over.
///
/// @param n choices, each sampled apart
/// @param maxTokens of each choice, at most what the context leaves
public record Ask(
    Tokens prompt, Sampling sampling, int n, int maxTokens, Ends ends, Reading reading) {
  /// How choice `index` is sampled: each draws numbers of its own.
  Sampling sampling(int index) {
    return sampling.seed().isPresent()
        ? sampling.withSeed(sampling.seed().getAsLong() + index)
        : sampling;
  }
}
