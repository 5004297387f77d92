package dev.turnstone.server.completion;

/// What becomes of a choice's ids.
public sealed interface Reading {
  /// Nothing: the client reads ids itself.
  record Ids() implements Reading {}

  /// Text as it is.
  ///
  /// @param skipSpecial whether special tokens are left out of it
  record Text(boolean skipSpecial) implements Reading {}

  /// An assistant's message: content, and tool calls.
  ///
  /// @param turn of the conversation, for call ids
  /// @param oneCall whether only the first call is kept
  record Message(int turn, boolean oneCall) implements Reading {}

  Reading IDS = new Ids();
  Reading TEXT = new Text(true);
}
