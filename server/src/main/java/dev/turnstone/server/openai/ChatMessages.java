package dev.turnstone.server.openai;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.server.completion.Recorder;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.json.JsonText;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/// Reads the messages and tools of an OpenAI request that fits the contract.
final class ChatMessages {
  private static final Json ANY_OBJECT = new Json("{\"type\": \"object\", \"properties\": {}}");

  private final Map<String, String> toolNames = new HashMap<>();

  private ChatMessages() {}

  static List<Message> read(JsonNode messages) {
    ChatMessages reader = new ChatMessages();
    List<Message> all = new ArrayList<>();
    for (JsonNode message : messages)
      all.add(reader.message(message, "messages[" + all.size() + "]"));
    return all;
  }

  private Message message(JsonNode message, String where) {
    String role = message.path("role").asText();
    List<ToolCall> calls = calls(message.path("tool_calls"), where + ".tool_calls");
    if (!role.equals("assistant") && !calls.isEmpty())
      throw Refused.bad(
          "%s has tool_calls, but its role is %s".formatted(where, role), where + ".tool_calls");
    if (missing(message.path("content")) && calls.isEmpty())
      throw Refused.bad(where + " has no content", where + ".content");
    String content = content(message.path("content"));
    return switch (role) {
      case "system", "developer" -> new Message.System(content);
      case "user" -> new Message.User(content);
      case "assistant" -> new Message.Assistant(content, calls, reasoning(message));
      default -> tool(message, content);
    };
  }

  /// vLLM's name for it and everybody else's.
  private static String reasoning(JsonNode message) {
    return message.path("reasoning").asText(message.path("reasoning_content").asText(""));
  }

  private Message.Tool tool(JsonNode message, String content) {
    String id = message.path("tool_call_id").asText("");
    String name = message.path("name").asText("");
    return new Message.Tool(id, name.isEmpty() ? toolNames.getOrDefault(id, "") : name, content);
  }

  private static String content(JsonNode content) {
    if (!content.isArray()) return content.asText("");
    return StreamSupport.stream(content.spliterator(), false)
        .map(part -> part.path("text").asText())
        .collect(Collectors.joining("\n"));
  }

  private List<ToolCall> calls(JsonNode calls, String where) {
    List<ToolCall> all = new ArrayList<>();
    for (JsonNode call : calls) {
      JsonNode function = call.path("function");
      String id = call.path("id").asText("");
      String name = function.path("name").asText();
      String param = "%s[%d].function.arguments".formatted(where, all.size());
      all.add(new ToolCall(id, name, arguments(function.path("arguments").asText(""), param)));
      toolNames.put(id, name);
    }
    return all;
  }

  private static Json arguments(String text, String param) {
    if (text.isBlank()) return Json.EMPTY_OBJECT;
    // A session finds the turn in which the policy wrote it so; else the chat template refuses it.
    if (Recorder.CURRENT.isBound()) return new Json(text);
    try {
      if (Wire.JSON.readTree(text).isObject()) return new Json(text);
    } catch (JsonProcessingException e) {
      throw Refused.bad(param + " is not JSON: " + JsonText.why(e), param);
    }
    throw Refused.bad(param + " must be a JSON object as text", param);
  }

  static List<ToolSpec> tools(JsonNode tools) {
    List<ToolSpec> all = new ArrayList<>();
    for (JsonNode tool : tools) {
      JsonNode function = tool.path("function");
      JsonNode parameters = function.path("parameters");
      all.add(
          new ToolSpec(
              function.path("name").asText(),
              function.path("description").asText(""),
              missing(parameters) ? ANY_OBJECT : new Json(Wire.text(parameters))));
    }
    return all;
  }

  private static boolean missing(JsonNode node) {
    return node.isMissingNode() || node.isNull();
  }
}
