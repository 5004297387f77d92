package dev.turnstone.upstream;

import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Tokens;
import java.util.function.Consumer;
import java.util.function.Function;

/// The ids that all engines of a policy must share, and what a server knows of their text.
///
/// @param vocabulary one more than the largest id
/// @param encode ids of a text, without anything around it
/// @param decode the text of ids
/// @param sound throws an [IllegalArgumentException] for a constraint that no text can meet
public record TokenSpace(
    int vocabulary,
    Function<String, Tokens> encode,
    Function<Tokens, String> decode,
    Consumer<Constraint> sound) {

  /// Ids whose text nobody needs.
  public TokenSpace(int vocabulary, Function<String, Tokens> encode) {
    this(vocabulary, encode, ids -> "", constraint -> {});
  }
}
