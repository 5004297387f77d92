package dev.turnstone.rollout;

import java.util.List;

/// Reads what the policy wrote. What it wrote is data: parsing never throws.
public interface ToolCallParser {
  /// Says what the text of one turn means.
  ///
  /// @param turn number of the turn, from 0; call ids are unique within a rollout by it
  Parsed parse(String text, int turn);

  /// What a turn's text means.
  sealed interface Parsed {
    /// At least one tool call; `content` is the text before the first.
    record Calls(String content, List<ToolCall> calls) implements Parsed {
      public Calls {
        calls = List.copyOf(calls);
      }
    }

    record Answer(String content) implements Parsed {}

    /// Meant as a tool call, but not readable as one. `content` is the whole text.
    record Malformed(String content, String why) implements Parsed {}
  }
}
