package dev.turnstone.engine.chat;

import dev.turnstone.rollout.ToolCallParser;

/// A tool-call format whose calls begin with a fixed text.
public interface TaggedToolCallParser extends ToolCallParser {
  /// The text from which on a turn is no longer content.
  String opening();
}
