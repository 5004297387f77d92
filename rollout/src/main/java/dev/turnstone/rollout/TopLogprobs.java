package dev.turnstone.rollout;

/// The most probable ids at one position, or those that were asked for by name, and how the token
/// that stands there compares.
///
/// @param ids in the order of falling probability, equal ones by id; named ones as they were asked
/// @param logprobs of those ids, under the same distribution as the token's own
/// @param rank of the token that stands there: 1 if none is more probable
public record TopLogprobs(Tokens ids, Logprobs logprobs, int rank) {
  public static final TopLogprobs NONE = new TopLogprobs(Tokens.NONE, Logprobs.NONE, 0);

  public TopLogprobs {
    if (ids.size() != logprobs.size())
      throw new IllegalArgumentException(
          "lengths differ: %d ids, %d logprobs".formatted(ids.size(), logprobs.size()));
  }
}
