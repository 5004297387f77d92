package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.completion.Ask;
import dev.turnstone.server.completion.Ends;
import dev.turnstone.server.completion.Reading;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Refused;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// The fields that chat completions, completions and responses share, as OpenAI and vLLM name them.
///
/// @param model empty: whatever is served
/// @param includeUsage whether a stream ends with a chunk of usage
/// @param usageAlways whether every chunk of a stream says the usage so far
/// @param tokenIds whether ids of prompt and choices are part of the reply
public record GenerationFields(
    Optional<String> model,
    Sampling sampling,
    int n,
    Ends ends,
    boolean skipSpecial,
    boolean stream,
    boolean includeUsage,
    boolean usageAlways,
    boolean tokenIds) {

  /// Reads a body that fits the contract.
  public static GenerationFields read(JsonNode body) {
    boolean stream = body.path("stream").asBoolean(false);
    JsonNode options = body.path("stream_options");
    if (!stream && options.isObject())
      throw Refused.bad("stream_options needs stream: true", "stream_options");
    boolean always = options.path("continuous_usage_stats").asBoolean(false);
    return new GenerationFields(
        Optional.ofNullable(body.path("model").textValue()),
        sampling(body),
        body.path("n").asInt(1),
        ends(body),
        body.path("skip_special_tokens").asBoolean(true),
        stream,
        always || options.path("include_usage").asBoolean(false),
        always,
        body.path("return_token_ids").asBoolean(false));
  }

  /// How the next token is drawn.
  public static Sampling sampling(JsonNode body) {
    JsonNode seed = body.path("seed");
    return new Sampling(
        body.path("temperature").asDouble(1),
        Math.max(0, body.path("top_k").asInt(0)),
        body.path("top_p").asDouble(1),
        body.path("min_p").asDouble(0),
        seed.isNumber() ? OptionalLong.of(seed.longValue()) : OptionalLong.empty());
  }

  /// What ends a choice besides its bound.
  public static Ends ends(JsonNode body) {
    return new Ends(
        strings(body.path("stop")),
        body.path("include_stop_str_in_output").asBoolean(false),
        ids(body.path("stop_token_ids")),
        body.path("ignore_eos").asBoolean(false));
  }

  private static Set<String> strings(JsonNode stop) {
    if (stop.isTextual()) return Set.of(stop.textValue());
    Set<String> all = new LinkedHashSet<>();
    stop.forEach(text -> all.add(text.textValue()));
    return all;
  }

  private static Set<Integer> ids(JsonNode ids) {
    Set<Integer> all = new HashSet<>();
    ids.forEach(id -> all.add(id.intValue()));
    return all;
  }

  /// What is asked of the policy after `prompt`, with the bound clamped to what the context leaves.
  ///
  /// @param param the field that holds the prompt
  /// @throws Refused if the context leaves nothing
  public Ask ask(Served served, Tokens prompt, int maxTokens, Reading reading, String param) {
    int room = served.room(prompt, param);
    return new Ask(prompt, sampling, n, Math.min(maxTokens, room), ends, reading);
  }
}
