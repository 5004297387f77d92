package dev.turnstone.server.anthropic;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Choice.Finish;
import dev.turnstone.server.http.Wire;

/// A choice as Anthropic's message.
final class MessagesJson {
  private MessagesJson() {}

  /// The whole message.
  static ObjectNode message(String id, String model, Choice choice) {
    ObjectNode message = head(id, model);
    ArrayNode content = message.putArray("content");
    if (!choice.reasoning().isEmpty()) content.add(thinking(choice.reasoning()));
    if (!choice.content().isEmpty() && (choice.calls().isEmpty() || !choice.content().isBlank()))
      content.add(text(choice.content()));
    for (ToolCall call : choice.calls())
      content.add(use(call.id(), call.name()).set("input", Wire.parse(call.arguments().text())));
    end(message, choice);
    message.set("usage", usage(choice));
    return message;
  }

  private static ObjectNode head(String id, String model) {
    return Wire.JSON
        .createObjectNode()
        .put("id", id)
        .put("type", "message")
        .put("role", "assistant")
        .put("model", model);
  }

  /// The message before anything is written.
  static ObjectNode empty(String id, String model, Choice choice) {
    ObjectNode message = head(id, model);
    message.putArray("content");
    message.putNull("stop_reason").putNull("stop_sequence");
    message.set("usage", usage(choice));
    return message;
  }

  static ObjectNode text(String text) {
    return Wire.JSON.createObjectNode().put("type", "text").put("text", text);
  }

  static ObjectNode thinking(String text) {
    return Wire.JSON
        .createObjectNode()
        .put("type", "thinking")
        .put("thinking", text)
        .put("signature", "");
  }

  /// A call without its arguments.
  static ObjectNode use(String id, String name) {
    return Wire.JSON.createObjectNode().put("type", "tool_use").put("id", id).put("name", name);
  }

  /// Why it ended.
  static void end(ObjectNode json, Choice choice) {
    Finish finish = choice.finish().orElseThrow();
    boolean byString = finish.stop().filter(String.class::isInstance).isPresent();
    json.put(
        "stop_reason",
        switch (finish.reason()) {
          case LENGTH -> "max_tokens";
          case ABORT -> "pause_turn";
          case STOP ->
              choice.calls().isEmpty() ? (byString ? "stop_sequence" : "end_turn") : "tool_use";
        });
    if (byString) json.put("stop_sequence", String.valueOf(finish.stop().orElseThrow()));
    else json.putNull("stop_sequence");
  }

  /// Input tokens are those that were computed; the cached ones are told apart.
  static JsonNode usage(Choice choice) {
    return Wire.JSON
        .createObjectNode()
        .put("input_tokens", choice.ask().prompt().size() - choice.cached())
        .put("cache_creation_input_tokens", 0)
        .put("cache_read_input_tokens", choice.cached())
        .put("output_tokens", choice.tokens().size());
  }
}
