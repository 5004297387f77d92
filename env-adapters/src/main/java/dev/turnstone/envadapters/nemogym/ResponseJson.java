package dev.turnstone.envadapters.nemogym;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.ToolCall;
import java.util.List;
import java.util.UUID;

/// A conversation as an object of the OpenAI Responses API, which NeMo Gym scores.
final class ResponseJson {
  private ResponseJson() {}

  /// The part of a transcript that is the policy's: from its first message on.
  static List<Message> turns(List<Message> transcript) {
    for (int i = 0; i < transcript.size(); i++)
      if (transcript.get(i) instanceof Message.Assistant)
        return transcript.subList(i, transcript.size());
    return List.of();
  }

  static ArrayNode input(List<Message> messages) {
    ArrayNode input = JsonText.object().arrayNode();
    for (Message message : messages)
      input.addObject().put("role", message.role()).put("content", message.content());
    return input;
  }

  /// The response that holds these turns.
  ///
  /// @param row whose tools the response repeats
  static ObjectNode of(ObjectNode row, List<Message> turns) {
    ObjectNode response = JsonText.object().put("id", "resp_" + UUID.randomUUID());
    response.put("object", "response").put("created_at", System.currentTimeMillis() / 1000);
    response.put("model", "policy").put("status", "completed");
    response.put("parallel_tool_calls", true).put("tool_choice", "auto");
    ArrayNode tools = response.putArray("tools");
    row.at("/responses_create_params/tools").forEach(tools::add);
    ArrayNode output = response.putArray("output");
    for (int i = 0; i < turns.size(); i++) item(output, turns.get(i), i);
    return response;
  }

  private static void item(ArrayNode output, Message message, int index) {
    switch (message) {
      case Message.Assistant(String content, List<ToolCall> calls, var _) -> {
        if (!content.isEmpty() || calls.isEmpty()) said(output, content, index);
        for (ToolCall call : calls)
          output
              .addObject()
              .put("type", "function_call")
              .put("id", "fc_" + call.id())
              .put("call_id", call.id())
              .put("name", call.name())
              .put("arguments", call.arguments().text())
              .put("status", "completed");
      }
      case Message.Tool tool ->
          output
              .addObject()
              .put("type", "function_call_output")
              .put("call_id", tool.callId())
              .put("output", tool.content());
      case Message.User _, Message.System _ ->
          output
              .addObject()
              .put("type", "message")
              .put("role", message.role())
              .put("content", message.content());
    }
  }

  private static void said(ArrayNode output, String content, int index) {
    ObjectNode said = output.addObject().put("type", "message").put("id", "msg_" + index);
    said.put("role", "assistant").put("status", "completed");
    said.putArray("content")
        .addObject()
        .put("type", "output_text")
        .put("text", content)
        .putArray("annotations");
  }
}
