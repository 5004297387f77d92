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

  record Assistant(String content, List<ToolCall> toolCalls) implements Message {
    public Assistant {
      toolCalls = List.copyOf(toolCalls);
    }
  }

  /// What a tool answered to the call `callId` of the tool `name`.
  record Tool(String callId, String name, String content) implements Message {}
}
