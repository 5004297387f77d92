package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Rendering;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.server.completion.Reading;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Refused;
import java.util.List;
import java.util.Optional;

/// A chat completion as it was asked for.
///
/// @param echoed what the assistant's last message says, if the reply is to begin with it
/// @param forced tools of which at least one must be called
/// @param named whether one tool is named that must be called: such a choice ends as `stop`, for
///   the policy had none
/// @param oneCall whether a choice has at most one call
/// @param maxTokens largest integer if the request has no bound
/// @param top how many tokens each log-probability has beside it: the most probable, or the named
record ChatRequest(
    GenerationFields fields,
    List<Message> messages,
    List<ToolSpec> tools,
    Rendering rendering,
    String echoed,
    Reading reading,
    int maxTokens,
    boolean logprobs,
    int top,
    Optional<List<ToolSpec>> forced,
    boolean named,
    boolean oneCall) {

  /// Reads a body that fits the contract's `ChatRequest`.
  static ChatRequest read(JsonNode body, Served served) {
    GenerationFields fields = GenerationFields.read(body, served);
    List<Message> messages = ChatMessages.read(body.path("messages"));
    List<ToolSpec> tools = ChatMessages.tools(body.path("tools"));
    boolean logprobs = body.path("logprobs").asBoolean(false);
    int top = body.path("top_logprobs").asInt(0);
    if (top > 0 && !logprobs)
      throw Refused.bad("top_logprobs needs logprobs: true", "top_logprobs");
    if (!fields.named().isEmpty() && !logprobs)
      throw Refused.bad("logprob_token_ids needs logprobs: true", "logprob_token_ids");
    JsonNode bound =
        body.path("max_completion_tokens").isNumber()
            ? body.path("max_completion_tokens")
            : body.path("max_tokens");
    return new ChatRequest(
        fields,
        messages,
        tools,
        RenderingFields.read(body, messages),
        body.path("echo").asBoolean(false) ? ofAssistant(messages) : "",
        reading(body, messages, tools, fields),
        bound.asInt(Integer.MAX_VALUE),
        logprobs,
        fields.named().isEmpty() ? top : fields.named().size(),
        ToolChoice.of(body.path("tool_choice"), tools),
        body.path("tool_choice").isObject(),
        !body.path("parallel_tool_calls").asBoolean(true));
  }

  private static String ofAssistant(List<Message> messages) {
    return messages.getLast() instanceof Message.Assistant last ? last.content() : "";
  }

  private static Reading reading(
      JsonNode body, List<Message> messages, List<ToolSpec> tools, GenerationFields fields) {
    boolean readCalls = !tools.isEmpty() && !body.path("tool_choice").asText("").equals("none");
    return new Reading.Message(
        readCalls ? tools : List.of(),
        turn(messages),
        !body.path("parallel_tool_calls").asBoolean(true),
        fields.skipSpecial());
  }

  /// Number of the turn that is asked for.
  static int turn(List<Message> messages) {
    return (int) messages.stream().filter(Message.Assistant.class::isInstance).count();
  }
}
