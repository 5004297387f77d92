package dev.turnstone.server.responses;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Wire;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Reads the items of a request as messages. Reasoning, text and calls of one turn are items of
/// their own and become one assistant's message.
final class Items {
  private static final Json ANY_OBJECT = new Json("{\"type\": \"object\", \"properties\": {}}");

  private final Map<String, String> toolNames = new HashMap<>();
  private final List<Message> all = new ArrayList<>();
  private final StringBuilder thought = new StringBuilder();

  private Items() {}

  /// Reads `input` after what was said before.
  ///
  /// @return the new messages only
  static List<Message> read(JsonNode input, List<Message> before) {
    Items reader = new Items();
    for (Message message : before)
      if (message instanceof Message.Assistant said)
        said.toolCalls().forEach(call -> reader.toolNames.put(call.id(), call.name()));
    if (input.isTextual()) return List.of(new Message.User(input.textValue()));
    int index = 0;
    for (JsonNode item : input) reader.item(item, "input[" + index++ + "]");
    return reader.all;
  }

  private void item(JsonNode item, String where) {
    switch (item.path("type").asText("message")) {
      case "message" -> message(item, where);
      case "function_call" -> call(item, where);
      case "function_call_output" -> {
        String id = item.path("call_id").asText();
        String said = text(item.path("output"), where + ".output");
        all.add(new Message.Tool(id, toolNames.getOrDefault(id, ""), said));
      }
      case "reasoning" -> {
        for (JsonNode part : item.path("content")) thought.append(part.path("text").asText());
      }
      default ->
          throw Refused.bad(
              "%s has the type %s, which the policy cannot read"
                  .formatted(where, item.path("type").asText()),
              where + ".type");
    }
  }

  private void message(JsonNode item, String where) {
    String said = text(item.path("content"), where + ".content");
    switch (item.path("role").asText()) {
      case "system", "developer" -> all.add(new Message.System(said));
      case "user" -> all.add(new Message.User(said));
      case "assistant" -> all.add(new Message.Assistant(said, List.of(), takeThought()));
      default ->
          throw Refused.bad(
              "%s.role must be system, developer, user or assistant, but is %s"
                  .formatted(where, item.path("role")),
              where + ".role");
    }
  }

  private String takeThought() {
    String taken = thought.toString();
    thought.setLength(0);
    return taken;
  }

  private void call(JsonNode item, String where) {
    String id = item.path("call_id").asText();
    String name = item.path("name").asText();
    if (name.isEmpty()) throw Refused.bad(where + " has no name", where + ".name");
    toolNames.put(id, name);
    ToolCall call = new ToolCall(id, name, arguments(item, where + ".arguments"));
    if (all.isEmpty() || !(all.getLast() instanceof Message.Assistant said)) {
      all.add(new Message.Assistant("", List.of(call), takeThought()));
      return;
    }
    List<ToolCall> calls = new ArrayList<>(said.toolCalls());
    calls.add(call);
    all.set(
        all.size() - 1,
        new Message.Assistant(said.content(), calls, said.reasoning() + takeThought()));
  }

  private static Json arguments(JsonNode item, String where) {
    String text = item.path("arguments").asText("");
    if (text.isBlank()) return Json.EMPTY_OBJECT;
    try {
      if (Wire.parse(text).isObject()) return new Json(text);
    } catch (IllegalArgumentException e) {
      throw Refused.bad(where + " is not JSON", where);
    }
    throw Refused.bad(where + " must be a JSON object as text", where);
  }

  private static String text(JsonNode content, String where) {
    if (content.isTextual()) return content.textValue();
    if (!content.isArray()) throw Refused.bad(where + " must be text or a list of parts", where);
    List<String> texts = new ArrayList<>();
    for (JsonNode part : content)
      switch (part.path("type").asText()) {
        case "input_text", "output_text", "text" -> texts.add(part.path("text").asText());
        case "refusal" -> texts.add(part.path("refusal").asText());
        default ->
            throw Refused.bad(
                "%s[%d] has the type %s, but the policy reads text only"
                    .formatted(where, texts.size(), part.path("type").asText("(none)")),
                where);
      }
    return String.join("\n", texts);
  }

  /// Reads tools, which are flat here.
  static List<ToolSpec> tools(JsonNode tools) {
    List<ToolSpec> all = new ArrayList<>();
    for (JsonNode tool : tools) {
      if (!tool.path("type").asText().equals("function"))
        throw Refused.bad(
            "tools[%d].type asks for %s, but only functions of the client's own are known"
                .formatted(all.size(), tool.path("type").asText("(none)")),
            "tools");
      if (tool.path("name").asText().isEmpty())
        throw Refused.bad("tools[%d] has no name".formatted(all.size()), "tools");
      JsonNode parameters = tool.path("parameters");
      all.add(
          new ToolSpec(
              tool.path("name").asText(),
              tool.path("description").asText(""),
              parameters.isObject() ? new Json(Wire.text(parameters)) : ANY_OBJECT));
    }
    return all;
  }
}
