package dev.turnstone.rollout;

import java.util.List;

/// How probable the prompt's own ids were, each given those before it.
///
/// @param logprobs one per prompt id, under the request's [LogprobMode] (`sampled` counts as
///   `policy`); the first id has nothing before it and 0 stands for it
/// @param tops the most probable ids at each position, [TopLogprobs#NONE] at the first
public record PromptLogprobs(Logprobs logprobs, List<TopLogprobs> tops) {
  public PromptLogprobs {
    tops = List.copyOf(tops);
    if (logprobs.size() != tops.size())
      throw new IllegalArgumentException(
          "lengths differ: %d logprobs, %d tops".formatted(logprobs.size(), tops.size()));
  }
}
