package dev.turnstone.rollout;

import java.util.List;
import java.util.Optional;

/// What a policy generated for one prompt.
///
/// @param ids sampled ids, the stop token included
/// @param logprobs of the sampled ids under the distribution of the request's [LogprobMode]
/// @param versions policy version that sampled each id
/// @param lineage of those versions
/// @param cachedTokens prompt tokens that were not computed again
/// @param mixedKv whether some ids were sampled over KV blocks of an older version
/// @param constrained whether a mask of the request's constraint was active
/// @param tops most probable ids beside each sampled one; empty if none were asked for
/// @param prompt scores of the prompt's own ids, if asked for
public record Generation(
    Tokens ids,
    Logprobs logprobs,
    RunLength<Integer> versions,
    String lineage,
    FinishReason finish,
    int cachedTokens,
    boolean mixedKv,
    boolean constrained,
    List<TopLogprobs> tops,
    Optional<PromptLogprobs> prompt) {
  public Generation {
    if (ids.size() != logprobs.size() || ids.size() != versions.length())
      throw new IllegalArgumentException(
          "lengths differ: %d ids, %d logprobs, %d versions"
              .formatted(ids.size(), logprobs.size(), versions.length()));
    tops = List.copyOf(tops);
    if (!tops.isEmpty() && tops.size() != ids.size())
      throw new IllegalArgumentException(
          "lengths differ: %d ids, %d tops".formatted(ids.size(), tops.size()));
  }

  /// A generation without a constraint and without further log-probabilities.
  public Generation(
      Tokens ids,
      Logprobs logprobs,
      RunLength<Integer> versions,
      String lineage,
      FinishReason finish,
      int cachedTokens,
      boolean mixedKv) {
    this(
        ids,
        logprobs,
        versions,
        lineage,
        finish,
        cachedTokens,
        mixedKv,
        false,
        List.of(),
        Optional.empty());
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
