package dev.turnstone.upstream.routing;

import dev.turnstone.rollout.Tokens;
import java.util.Optional;

/// A turn that needs an engine.
public final class Turn {
  private final Optional<String> conversation;
  private final Tokens prompt;
  private Optional<long[]> beginnings = Optional.empty(); // guarded by the router's lock

  /// A turn.
  ///
  /// @param conversation whose turn it is, exactly as it is named; empty if it belongs to none
  public Turn(Optional<String> conversation, Tokens prompt) {
    this.conversation = conversation;
    this.prompt = prompt;
  }

  Optional<String> conversation() {
    return conversation;
  }

  public Tokens prompt() {
    return prompt;
  }

  /// Hashes of the prompt's beginnings, computed once.
  long[] beginnings() {
    if (beginnings.isEmpty()) beginnings = Optional.of(PrefixIndex.hashes(prompt));
    return beginnings.get();
  }

  /// Whether anybody has asked for [#beginnings]: only then is the turn new where it goes.
  boolean begins() {
    return beginnings.isPresent();
  }
}
