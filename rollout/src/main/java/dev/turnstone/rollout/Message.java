package dev.turnstone.rollout;

import java.util.List;

/// One entry of a conversation, as in the OpenAI chat API.
public sealed interface Message {
  String content();

  /// The role's name in chat templates.
  default String role() {
    return switch (this) {
      case System _ -> "system";
      case User _ -> "user";
      case Assistant _ -> "assistant";
      case Tool _ -> "tool";
    };
  }

  record System(String content) implements Message {}

  record User(String content) implements Message {}

  /// What the policy said.
  ///
  /// @param reasoning what it thought before, without its tags; empty if it did not
  record Assistant(String content, List<ToolCall> toolCalls, String reasoning) implements Message {
    public Assistant {
      toolCalls = List.copyOf(toolCalls);
    }

    public Assistant(String content, List<ToolCall> toolCalls) {
      this(content, toolCalls, "");
    }
  }

  /// What a tool answered to the call `callId` of the tool `name`.
  record Tool(String callId, String name, String content) implements Message {}
}
