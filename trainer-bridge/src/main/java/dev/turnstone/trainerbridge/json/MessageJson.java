package dev.turnstone.trainerbridge.json;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.ToolCall;
import java.util.ArrayList;
import java.util.List;

/// Messages as the OpenAI chat API writes them.
public final class MessageJson {
  private MessageJson() {}

  public static ArrayNode write(List<Message> messages) {
    ArrayNode list = JsonText.array();
    messages.forEach(message -> list.add(write(message)));
    return list;
  }

  /// Reads what [#write] wrote or a client sent.
  ///
  /// @param path how sentences name the list
  /// @throws IllegalArgumentException with a sentence that names the offending value
  public static List<Message> parse(String path, List<JsonNode> messages) {
    List<Message> parsed = new ArrayList<>();
    for (int i = 0; i < messages.size(); i++)
      parsed.add(parse(Fields.of(path + "[" + i + "]", messages.get(i))));
    return parsed;
  }

  private static ObjectNode write(Message message) {
    ObjectNode node = JsonText.object();
    node.put("role", message.role()).put("content", message.content());
    if (message instanceof Message.Tool tool)
      node.put("tool_call_id", tool.callId()).put("name", tool.name());
    if (message instanceof Message.Assistant said && !said.reasoning().isEmpty())
      node.put("reasoning", said.reasoning());
    if (message instanceof Message.Assistant assistant && !assistant.toolCalls().isEmpty()) {
      ArrayNode calls = node.putArray("tool_calls");
      for (ToolCall call : assistant.toolCalls())
        calls
            .addObject()
            .put("id", call.id())
            .put("type", "function")
            .putObject("function")
            .put("name", call.name())
            .put("arguments", call.arguments().text());
    }
    return node;
  }

  private static Message parse(Fields fields) {
    String role = fields.text("role");
    return switch (role) {
      case "system", "developer" -> new Message.System(fields.text("content"));
      case "user" -> new Message.User(fields.text("content"));
      case "assistant" ->
          new Message.Assistant(
              fields.optionalText("content").orElse(""),
              toolCalls(fields),
              fields.optionalText("reasoning").orElse(""));
      case "tool" ->
          new Message.Tool(
              fields.optionalText("tool_call_id").orElse(""),
              fields.optionalText("name").orElse(""),
              fields.text("content"));
      default ->
          throw new IllegalArgumentException(
              "role is not one of system, user, assistant, tool: " + role);
    };
  }

  private static List<ToolCall> toolCalls(Fields message) {
    List<ToolCall> calls = new ArrayList<>();
    if (!message.has("tool_calls")) return calls;
    for (JsonNode item : message.list("tool_calls")) {
      Fields call = Fields.of("tool_calls[" + calls.size() + "]", item);
      Fields function =
          call.object("function")
              .orElseThrow(() -> new IllegalArgumentException("tool_calls.function is missing"));
      calls.add(
          new ToolCall(
              call.text("id"), function.text("name"), new Json(function.text("arguments"))));
    }
    return calls;
  }
}
