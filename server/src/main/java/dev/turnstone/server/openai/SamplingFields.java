package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Penalties;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.server.completion.Ends;
import dev.turnstone.server.http.Refused;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;

/// How tokens are drawn and what ends a choice, by the names that OpenAI and vLLM share.
public final class SamplingFields {
  private static final double MAX_BIAS = 100;

  private SamplingFields() {}

  /// Reads fields that fit the contract.
  public static Sampling sampling(JsonNode body) {
    JsonNode seed = body.path("seed");
    return new Sampling(
        body.path("temperature").asDouble(1),
        Math.max(0, body.path("top_k").asInt(0)),
        body.path("top_p").asDouble(1),
        body.path("min_p").asDouble(0),
        new Penalties(
            body.path("frequency_penalty").asDouble(0),
            body.path("presence_penalty").asDouble(0),
            body.path("repetition_penalty").asDouble(1)),
        bias(body.path("logit_bias")),
        ids(body.path("allowed_token_ids"), "allowed_token_ids"),
        body.path("min_tokens").asInt(0),
        mode(body.path("logprob_mode")),
        seed.isNumber() ? OptionalLong.of(seed.longValue()) : OptionalLong.empty());
  }

  private static LogprobMode mode(JsonNode mode) {
    return LogprobMode.valueOf(mode.asText("policy").toUpperCase(Locale.ROOT));
  }

  /// Values beyond 100 are cut to it, as vLLM does.
  private static Map<Integer, Double> bias(JsonNode bias) {
    Map<Integer, Double> all = new HashMap<>();
    for (var entry : bias.properties()) {
      String key = entry.getKey();
      if (!key.matches("[0-9]{1,9}"))
        throw Refused.bad("logit_bias has a key that is no token id: " + key, "logit_bias");
      double value = entry.getValue().doubleValue();
      all.put(Integer.parseInt(key), Math.clamp(value, -MAX_BIAS, MAX_BIAS));
    }
    return all;
  }

  /// What ends a choice besides its bound.
  public static Ends ends(JsonNode body) {
    return new Ends(
        strings(body.path("stop")),
        body.path("include_stop_str_in_output").asBoolean(false),
        ids(body.path("stop_token_ids"), "stop_token_ids"),
        body.path("ignore_eos").asBoolean(false));
  }

  /// One text or several.
  public static Set<String> strings(JsonNode stop) {
    if (stop.isTextual()) return Set.of(stop.textValue());
    Set<String> all = new LinkedHashSet<>();
    stop.forEach(text -> all.add(text.textValue()));
    return all;
  }

  /// A set of token ids, none if the field is absent.
  public static Set<Integer> ids(JsonNode ids, String param) {
    Set<Integer> all = new TreeSet<>();
    for (JsonNode id : ids) {
      if (!id.isInt() || id.intValue() < 0)
        throw Refused.bad("%s has no token id: %s".formatted(param, id), param);
      all.add(id.intValue());
    }
    return all;
  }
}
