package dev.turnstone.server.completion;

import java.util.OptionalInt;

/// Which log-probabilities are asked for besides those of the sampled ids.
///
/// @param top how many of the most probable ids at each sampled position
/// @param prompt present if the prompt's ids are scored, with as many of the most probable ids
public record Scores(int top, OptionalInt prompt) {
  /// Those of the sampled ids only.
  public static final Scores SAMPLED = new Scores(0, OptionalInt.empty());
}
