package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Penalties;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.completion.Ends;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Refused;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;

/// How tokens are drawn and what ends a choice, by the names that OpenAI and vLLM share.
public final class SamplingFields {
  private static final double MAX_BIAS = 100;

  private SamplingFields() {}

  /// Reads fields that fit the contract; what they do not say is as the policy's makers want it.
  public static Sampling sampling(JsonNode body, Served served) {
    return sampling(body, served.defaults(), served);
  }

  /// Reads fields that fit the contract; what they do not say changes nothing.
  public static Sampling exact(JsonNode body, Served served) {
    return sampling(body, Sampling.FULL, served);
  }

  private static Sampling sampling(JsonNode body, Sampling otherwise, Served served) {
    try {
      return read(body, otherwise, served);
    } catch (IllegalArgumentException e) {
      // Each field fits the contract, but not beside another.
      throw Refused.bad(String.valueOf(e.getMessage()));
    }
  }

  private static Sampling read(JsonNode body, Sampling otherwise, Served served) {
    JsonNode seed = body.path("seed");
    return new Sampling(
        body.path("temperature").asDouble(otherwise.temperature()),
        Math.max(0, body.path("top_k").asInt(otherwise.topK())),
        body.path("top_p").asDouble(otherwise.topP()),
        body.path("min_p").asDouble(otherwise.minP()),
        new Penalties(
            body.path("frequency_penalty").asDouble(0),
            body.path("presence_penalty").asDouble(0),
            body.path("repetition_penalty").asDouble(otherwise.penalties().repetition())),
        bias(body.path("logit_bias")),
        ids(body.path("allowed_token_ids"), "allowed_token_ids"),
        badWords(body.path("bad_words"), served),
        body.path("min_tokens").asInt(0),
        mode(body.path("logprob_mode")),
        // vLLM's clients write -1 for none.
        seed.isNumber() && seed.longValue() != -1
            ? OptionalLong.of(seed.longValue())
            : OptionalLong.empty());
  }

  /// As vLLM does: each word as a text begins with it, and as it follows a space, if that only
  /// takes another first token.
  private static Set<Tokens> badWords(JsonNode words, Served served) {
    Set<Tokens> all = new LinkedHashSet<>();
    for (JsonNode word : words) {
      Tokens bare = served.texts().encode(word.textValue().stripLeading(), false);
      if (bare.isEmpty()) throw Refused.bad("bad_words has a word without letters", "bad_words");
      all.add(bare);
      Tokens spaced = served.texts().encode(" " + word.textValue().stripLeading(), false);
      if (spaced.size() == bare.size() && spaced.get(0) != bare.get(0)) all.add(spaced);
    }
    return all;
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

  /// Whom a request shares cached prefixes with.
  public static Optional<String> salt(JsonNode body) {
    return Optional.ofNullable(body.path("cache_salt").textValue());
  }

  /// Ids whose log-probabilities are told instead of the most probable ones'.
  public static Tokens named(JsonNode ids) {
    int[] all = new int[ids.size()];
    for (int i = 0; i < all.length; i++) all[i] = id(ids.get(i), "logprob_token_ids");
    return Tokens.of(all);
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
    for (JsonNode id : ids) all.add(id(id, param));
    return all;
  }

  private static int id(JsonNode id, String param) {
    if (!id.isInt() || id.intValue() < 0)
      throw Refused.bad("%s has no token id: %s".formatted(param, id), param);
    return id.intValue();
  }
}
