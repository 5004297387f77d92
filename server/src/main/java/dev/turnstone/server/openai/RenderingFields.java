package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Rendering;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Wire;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// How a client wants its conversation rendered, by vLLM's names.
public final class RenderingFields {
  private static final Set<String> OURS =
      Set.of("messages", "tools", "add_generation_prompt", "continue_final_message");

  private RenderingFields() {}

  /// Reads fields that fit the contract.
  ///
  /// @throws Refused if they contradict each other or the messages
  static Rendering read(JsonNode body, List<Message> messages) {
    boolean continued = body.path("continue_final_message").asBoolean(false);
    if (continued && body.path("add_generation_prompt").asBoolean(false))
      throw Refused.bad(
          "continue_final_message and add_generation_prompt exclude each other",
          "continue_final_message");
    if (continued) checkOpen(messages);
    return new Rendering(
        body.path("add_generation_prompt").asBoolean(!continued),
        continued,
        variables(body),
        Optional.ofNullable(body.path("chat_template").textValue()));
  }

  private static void checkOpen(List<Message> messages) {
    boolean open =
        messages.getLast() instanceof Message.Assistant last
            && !last.content().isBlank()
            && last.toolCalls().isEmpty();
    if (!open)
      throw Refused.bad(
          "continue_final_message needs a last message of the assistant with text and no tool"
              + " calls",
          "continue_final_message");
  }

  private static Map<String, Json> variables(JsonNode body) {
    Map<String, Json> variables = new HashMap<>(effort(body.path("reasoning_effort")));
    JsonNode documents = body.path("documents");
    if (documents.isArray()) put(variables, "documents", documents);
    for (var entry : body.path("chat_template_kwargs").properties()) {
      if (OURS.contains(entry.getKey()))
        throw Refused.bad(
            "chat_template_kwargs may not have %s, which is a field of its own"
                .formatted(entry.getKey()),
            "chat_template_kwargs");
      put(variables, entry.getKey(), entry.getValue());
    }
    return variables;
  }

  /// A reasoning effort as the variables that templates know: its name, and whether to think.
  public static Map<String, Json> effort(JsonNode effort) {
    if (!effort.isTextual()) return Map.of();
    Map<String, Json> variables = new HashMap<>();
    put(variables, "reasoning_effort", effort);
    put(variables, "enable_thinking", BooleanNode.valueOf(!effort.textValue().equals("none")));
    return variables;
  }

  private static void put(Map<String, Json> variables, String name, JsonNode value) {
    variables.put(name, new Json(Wire.text(value)));
  }
}
