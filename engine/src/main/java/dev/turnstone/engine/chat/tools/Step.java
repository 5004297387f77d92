package dev.turnstone.engine.chat.tools;

import java.util.Set;
import java.util.regex.Pattern;

/// One part of how a format writes a call. White space before a part is skipped.
sealed interface Step {
  /// A fixed text.
  record Text(String text, Missing missing) implements Step {}

  /// When a fixed text may be missing.
  enum Missing {
    NEVER,
    /// Where the turn ends, all of it or its rest: the policy stopped, or its stop token was it.
    AT_END,
    ALWAYS
  }

  /// The name of the tool: the group `name` of a pattern, which may have a group `id` too.
  record Name(Pattern pattern, boolean hasId) implements Step {}

  /// An object with `name` and arguments.
  ///
  /// @param arguments names that the arguments may have
  /// @param orContent whether an object that lacks them is an answer in JSON, not a broken call
  record NamedJson(Set<String> arguments, boolean orContent) implements Step {}

  /// The end of the turn.
  record End() implements Step {}

  /// An object that is all arguments.
  record Json() implements Step {}

  /// `name=literal, …)` as in a call in Python, to the bracket.
  record Python() implements Step {}

  /// One pair of texts per argument, whose values are typed by the tool's schema.
  ///
  /// @param valueOpen empty if the value follows the key at once
  /// @param onLine whether a line break at either end does not belong to the value
  record Tagged(
      String keyOpen, String keyClose, String valueOpen, String valueClose, boolean onLine)
      implements Step {}
}
