package dev.turnstone.server.completion;

import dev.turnstone.rollout.ToolSpec;
import java.util.List;

/// What becomes of a choice's ids.
public sealed interface Reading {
  /// Nothing: the client reads ids itself.
  record Ids() implements Reading {}

  /// Text as it is.
  ///
  /// @param skipSpecial whether special tokens are left out of it
  record Text(boolean skipSpecial) implements Reading {}

  /// An assistant's message: reasoning, content, and tool calls.
  ///
  /// @param tools that it may call; if there are none, calls are not read
  /// @param turn of the conversation, for call ids
  /// @param oneCall whether only the first call is kept
  /// @param skipSpecial whether special tokens are left out of a text that has neither reasoning
  ///   nor calls, whose tags may be special tokens
  record Message(List<ToolSpec> tools, int turn, boolean oneCall, boolean skipSpecial)
      implements Reading {
    public Message {
      tools = List.copyOf(tools);
    }
  }

  Reading IDS = new Ids();
  Reading TEXT = new Text(true);
}
