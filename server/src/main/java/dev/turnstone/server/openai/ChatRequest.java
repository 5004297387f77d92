package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.server.completion.Reading;
import java.util.List;

/// A chat completion as it was asked for.
///
/// @param maxTokens largest integer if the request has no bound
record ChatRequest(
    GenerationFields fields,
    List<Message> messages,
    List<ToolSpec> tools,
    Reading reading,
    int maxTokens,
    boolean logprobs) {

  /// Reads a body that fits the contract's `ChatRequest`.
  static ChatRequest read(JsonNode body) {
    GenerationFields fields = GenerationFields.read(body);
    List<Message> messages = ChatMessages.read(body.path("messages"));
    List<ToolSpec> tools = ChatMessages.tools(body.path("tools"));
    JsonNode bound =
        body.path("max_completion_tokens").isNumber()
            ? body.path("max_completion_tokens")
            : body.path("max_tokens");
    boolean readCalls = !tools.isEmpty() && !body.path("tool_choice").asText("").equals("none");
    Reading reading =
        new Reading.Message(
            readCalls ? tools : List.of(),
            (int) messages.stream().filter(Message.Assistant.class::isInstance).count(),
            !body.path("parallel_tool_calls").asBoolean(true),
            fields.skipSpecial());
    return new ChatRequest(
        fields,
        messages,
        tools,
        reading,
        bound.asInt(Integer.MAX_VALUE),
        body.path("logprobs").asBoolean(false));
  }
}
