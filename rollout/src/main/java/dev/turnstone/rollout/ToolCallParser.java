package dev.turnstone.rollout;

import java.util.List;
import java.util.Optional;

/// Reads what the policy wrote. What it wrote is data: parsing never throws.
public interface ToolCallParser {
  /// Says what the text of one turn means.
  Parsed parse(Turn turn);

  /// The same for a turn of which only the text is known.
  default Parsed parse(String text, int number) {
    return parse(new Turn("", text, number, List.of()));
  }

  /// What a turn must be that calls at least one of the tools and says nothing else; empty if this
  /// cannot be asked of the policy.
  ///
  /// @param several whether it may make more than one call
  default Optional<Constraint> forced(List<ToolSpec> tools, boolean several) {
    return Optional.empty();
  }

  /// One turn as the policy wrote it.
  ///
  /// @param before the last few tokens that it had read, as text: they may open its reasoning
  /// @param number from 0; call ids are unique within a rollout by it
  /// @param tools that it was offered; formats without types read them from here
  record Turn(String before, String text, int number, List<ToolSpec> tools) {
    /// Tokens that are enough for `before`.
    public static final int TOKENS_BEFORE = 16;

    public Turn {
      tools = List.copyOf(tools);
    }
  }

  /// What a turn's text means.
  sealed interface Parsed {
    /// What the policy thought before it spoke, without its tags; empty if it did not.
    String reasoning();

    /// At least one tool call; `content` is the text before the first.
    record Calls(String content, List<ToolCall> calls, String reasoning) implements Parsed {
      public Calls {
        calls = List.copyOf(calls);
      }

      public Calls(String content, List<ToolCall> calls) {
        this(content, calls, "");
      }
    }

    record Answer(String content, String reasoning) implements Parsed {
      public Answer(String content) {
        this(content, "");
      }
    }

    /// Meant as a tool call, but not readable as one. `content` is all the text but the reasoning.
    record Malformed(String content, String why, String reasoning) implements Parsed {
      public Malformed(String content, String why) {
        this(content, why, "");
      }
    }
  }
}
