package dev.turnstone.rollout;

/// What a policy generated for one prompt.
///
/// @param ids sampled ids, the stop token included
/// @param logprobs of the sampled ids under `log_softmax(logits / temperature)` over the whole
///   vocabulary
/// @param versions policy version that sampled each id
/// @param lineage of those versions
/// @param cachedTokens prompt tokens that were not computed again
/// @param mixedKv whether some ids were sampled over KV blocks of an older version
public record Generation(
    Tokens ids,
    Logprobs logprobs,
    RunLength<Integer> versions,
    String lineage,
    FinishReason finish,
    int cachedTokens,
    boolean mixedKv) {
  public Generation {
    if (ids.size() != logprobs.size() || ids.size() != versions.length())
      throw new IllegalArgumentException(
          "lengths differ: %d ids, %d logprobs, %d versions"
              .formatted(ids.size(), logprobs.size(), versions.length()));
  }

  /// Why the policy stopped generating.
  public enum FinishReason {
    /// It sampled a stop token.
    STOP,
    /// It reached the token bound of the request.
    LENGTH,
    /// It was told to stop; the tokens so far are valid.
    ABORT
  }
}
