package dev.turnstone.server;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.ToolSpec;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// A chat completion as it was asked for.
///
/// @param model empty: whatever is served
/// @param readCalls whether tool calls are read out of the text
/// @param oneCall whether only the first of them is kept
/// @param maxTokens largest integer if the request has no bound
/// @param stops texts that end a choice and are not part of it
/// @param stopIds ids that end a choice besides the format's own
/// @param includeUsage whether a stream ends with a chunk of usage
record ChatRequest(
    Optional<String> model,
    List<Message> messages,
    List<ToolSpec> tools,
    boolean readCalls,
    boolean oneCall,
    Sampling sampling,
    int n,
    int maxTokens,
    Set<String> stops,
    Set<Integer> stopIds,
    boolean stream,
    boolean includeUsage,
    boolean logprobs,
    boolean tokenIds) {

  /// Reads a body that fits the contract's `ChatRequest`.
  static ChatRequest read(JsonNode body) {
    List<ToolSpec> tools = ChatMessages.tools(body.path("tools"));
    boolean stream = body.path("stream").asBoolean(false);
    if (!stream && body.path("stream_options").isObject())
      throw Refused.bad("stream_options needs stream: true", "stream_options");
    JsonNode bound =
        body.path("max_completion_tokens").isNumber()
            ? body.path("max_completion_tokens")
            : body.path("max_tokens");
    return new ChatRequest(
        Optional.ofNullable(body.path("model").textValue()),
        ChatMessages.read(body.path("messages")),
        tools,
        !tools.isEmpty() && !body.path("tool_choice").asText("").equals("none"),
        !body.path("parallel_tool_calls").asBoolean(true),
        sampling(body),
        body.path("n").asInt(1),
        bound.asInt(Integer.MAX_VALUE),
        stops(body.path("stop")),
        stopIds(body.path("stop_token_ids")),
        stream,
        body.path("stream_options").path("include_usage").asBoolean(false),
        body.path("logprobs").asBoolean(false),
        body.path("return_token_ids").asBoolean(false));
  }

  private static Sampling sampling(JsonNode body) {
    JsonNode seed = body.path("seed");
    return new Sampling(
        body.path("temperature").asDouble(1),
        Math.max(0, body.path("top_k").asInt(0)),
        body.path("top_p").asDouble(1),
        body.path("min_p").asDouble(0),
        seed.isNumber() ? OptionalLong.of(seed.longValue()) : OptionalLong.empty());
  }

  /// How choice `index` is sampled: each draws numbers of its own.
  Sampling sampling(int index) {
    return sampling.seed().isPresent()
        ? sampling.withSeed(sampling.seed().getAsLong() + index)
        : sampling;
  }

  private static Set<String> stops(JsonNode stop) {
    if (stop.isTextual()) return Set.of(stop.textValue());
    Set<String> all = new LinkedHashSet<>();
    stop.forEach(text -> all.add(text.textValue()));
    return all;
  }

  private static Set<Integer> stopIds(JsonNode ids) {
    Set<Integer> all = new HashSet<>();
    ids.forEach(id -> all.add(id.intValue()));
    return all;
  }
}
