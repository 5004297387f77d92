package dev.turnstone.envadapters.rewards;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.ToolCall;
import java.util.List;

/// A conversation as a verifier reads it: messages of the OpenAI chat API.
public final class TranscriptJson {
  private TranscriptJson() {}

  public static ArrayNode of(List<Message> messages) {
    ArrayNode nodes = JsonText.object().arrayNode();
    for (Message message : messages) {
      ObjectNode node = nodes.addObject();
      node.put("role", message.role()).put("content", message.content());
      switch (message) {
        case Message.System _, Message.User _ -> {}
        case Message.Assistant assistant -> calls(node, assistant.toolCalls());
        case Message.Tool tool -> node.put("tool_call_id", tool.callId()).put("name", tool.name());
      }
    }
    return nodes;
  }

  private static void calls(ObjectNode node, List<ToolCall> calls) {
    if (calls.isEmpty()) return;
    ArrayNode nodes = node.putArray("tool_calls");
    for (ToolCall call : calls)
      nodes
          .addObject()
          .put("id", call.id())
          .put("type", "function")
          .putObject("function")
          .put("name", call.name())
          .put("arguments", call.arguments().text());
  }
}
