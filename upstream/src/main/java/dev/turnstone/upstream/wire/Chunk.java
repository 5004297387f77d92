package dev.turnstone.upstream.wire;

import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// What one event of an engine's stream brings.
///
/// @param ids newly sampled
/// @param logprobs one per id
/// @param tops one per id if any were asked for, else none
/// @param finish in the last event that has tokens, or after it
/// @param cachedTokens prompt tokens that the engine did not compute
/// @param weights what the engine calls the weights that sampled, as far as it says so
public record Chunk(
    Tokens ids,
    Logprobs logprobs,
    List<TopLogprobs> tops,
    Optional<FinishReason> finish,
    OptionalInt cachedTokens,
    List<Weights> weights) {
  /// Tokens `[from, to)` of the whole reply, and the name of the weights that sampled them.
  public record Weights(String label, int from, int to) {}

  public Chunk {
    tops = List.copyOf(tops);
    weights = List.copyOf(weights);
    if (ids.size() != logprobs.size())
      throw new IllegalArgumentException(
          "%d ids and %d logprobs".formatted(ids.size(), logprobs.size()));
  }

  /// An event without tokens.
  static Chunk empty(OptionalInt cachedTokens) {
    return new Chunk(
        Tokens.NONE, Logprobs.NONE, List.of(), Optional.empty(), cachedTokens, List.of());
  }
}
