package dev.turnstone.trainerbridge.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Penalties;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// A [Sampling] as JSON, under the names that OpenAI's and vLLM's APIs use. What a client seldom
/// sets is written only where it was set.
public final class SamplingJson {
  /// Words as ids, for what a word's ids are depends on the tokenizer.
  private static final String BAD_WORDS = "bad_words_token_ids";

  private SamplingJson() {}

  public static ObjectNode write(Sampling sampling) {
    ObjectNode node = JsonText.object();
    node.put("temperature", sampling.temperature()).put("top_k", sampling.topK());
    node.put("top_p", sampling.topP()).put("min_p", sampling.minP());
    Penalties penalties = sampling.penalties();
    if (penalties.active())
      node.put("frequency_penalty", penalties.frequency())
          .put("presence_penalty", penalties.presence())
          .put("repetition_penalty", penalties.repetition());
    if (!sampling.logitBias().isEmpty()) {
      ObjectNode bias = node.putObject("logit_bias");
      new TreeMap<>(sampling.logitBias()).forEach((id, value) -> bias.put("" + id, value));
    }
    if (!sampling.allowedIds().isEmpty())
      new TreeSet<>(sampling.allowedIds()).forEach(node.putArray("allowed_token_ids")::add);
    if (!sampling.badWords().isEmpty()) {
      ArrayNode words = node.putArray(BAD_WORDS);
      sampling.badWords().stream()
          .sorted(Comparator.comparing(Tokens::toString))
          .forEach(word -> Arrays.stream(word.toArray()).forEach(words.addArray()::add));
    }
    if (sampling.minTokens() > 0) node.put("min_tokens", sampling.minTokens());
    if (sampling.logprobMode() != LogprobMode.POLICY)
      node.put("logprob_mode", Fields.wire(sampling.logprobMode()));
    sampling.seed().ifPresent(seed -> node.put("seed", seed));
    return node;
  }

  /// Reads what [#write] wrote, or a client.
  ///
  /// @throws IllegalArgumentException with a sentence that names the offending value
  public static Sampling read(Fields fields) {
    return new Sampling(
        fields.number("temperature", 1),
        fields.integer("top_k", 0),
        fields.number("top_p", 1),
        fields.number("min_p", 0),
        new Penalties(
            fields.number("frequency_penalty", 0),
            fields.number("presence_penalty", 0),
            fields.number("repetition_penalty", 1)),
        bias(fields),
        allowed(fields),
        badWords(fields),
        fields.integer("min_tokens", 0),
        fields.choice("logprob_mode", LogprobMode.class).orElse(LogprobMode.POLICY),
        fields.optionalInteger("seed"));
  }

  private static Map<Integer, Double> bias(Fields fields) {
    Map<Integer, Double> bias = new TreeMap<>();
    fields
        .object("logit_bias")
        .ifPresent(
            object -> object.names().forEach(name -> bias.put(id(name), object.number(name, 0))));
    return bias;
  }

  private static int id(String name) {
    try {
      return Integer.parseInt(name);
    } catch (NumberFormatException _) {
      throw new IllegalArgumentException("logit_bias has a key that is not a token id: " + name);
    }
  }

  private static Set<Integer> allowed(Fields fields) {
    Set<Integer> ids = new HashSet<>();
    if (!fields.has("allowed_token_ids")) return ids;
    for (JsonNode id : fields.list("allowed_token_ids")) ids.add(id("allowed_token_ids", id));
    return ids;
  }

  private static Set<Tokens> badWords(Fields fields) {
    Set<Tokens> all = new HashSet<>();
    if (!fields.has(BAD_WORDS)) return all;
    for (JsonNode word : fields.list(BAD_WORDS)) {
      if (!word.isArray())
        throw new IllegalArgumentException(BAD_WORDS + " has an item that is no list: " + word);
      int[] ids = new int[word.size()];
      for (int i = 0; i < ids.length; i++) ids[i] = id(BAD_WORDS, word.get(i));
      all.add(Tokens.of(ids));
    }
    return all;
  }

  private static int id(String field, JsonNode id) {
    if (!id.isIntegralNumber() || !id.canConvertToInt())
      throw new IllegalArgumentException("%s has an item that is no id: %s".formatted(field, id));
    return id.intValue();
  }
}
