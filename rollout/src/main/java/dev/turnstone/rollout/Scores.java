package dev.turnstone.rollout;

import java.util.OptionalInt;

/// Which log-probabilities are asked for besides those of the sampled ids.
///
/// @param top how many of the most probable ids at each sampled position
/// @param named ids that are told at each sampled position instead of the most probable ones
/// @param prompt present if the prompt's ids are scored, with as many of the most probable ids
public record Scores(int top, Tokens named, OptionalInt prompt) {
  /// Those of the sampled ids only.
  public static final Scores SAMPLED = new Scores(0, OptionalInt.empty());

  public Scores(int top, OptionalInt prompt) {
    this(top, Tokens.NONE, prompt);
  }

  /// The same with named ids told; none leaves the most probable ones.
  public Scores withNamed(Tokens value) {
    return new Scores(value.isEmpty() ? top : 0, value, prompt);
  }
}
