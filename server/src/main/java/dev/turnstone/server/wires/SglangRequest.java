package dev.turnstone.server.wires;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Scores;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.completion.Ask;
import dev.turnstone.server.completion.Completions;
import dev.turnstone.server.completion.Ends;
import dev.turnstone.server.completion.Reading;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.openai.PromptField;
import dev.turnstone.server.openai.SamplingFields;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// SGLang's `/generate` as it was asked for.
///
/// @param ids one name per prompt
/// @param asks one per prompt
/// @param batch whether the reply is a list
/// @param logprobs whether log-probabilities are part of the reply
/// @param scoredFrom first prompt position whose log-probability is part of the reply; −1 none
/// @param texts whether log-probabilities say the text of their token
/// @param whole whether each event of a stream has everything so far
record SglangRequest(
    List<String> ids,
    List<Ask> asks,
    boolean batch,
    boolean stream,
    boolean logprobs,
    int scoredFrom,
    int top,
    boolean texts,
    boolean promptIds,
    boolean whole) {
  private static final int USUAL_TOKENS = 128;

  /// Reads a body that fits the contract.
  static SglangRequest read(JsonNode body, Served served) {
    List<Tokens> prompts = prompts(body, served);
    boolean batch = body.path("text").isArray() || body.path("input_ids").path(0).isArray();
    boolean logprobs = body.path("return_logprob").asBoolean(false);
    int from = logprobs ? body.path("logprob_start_len").asInt(-1) : -1;
    int top = logprobs ? body.path("top_logprobs_num").asInt(0) : 0;
    Optional<String> salt = salt(body);
    List<Ask> asks = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      JsonNode params = body.path("sampling_params");
      asks.add(
          ask(served, prompts.get(i), params.isArray() ? params.path(i) : params)
              .withScores(new Scores(top, from < 0 ? OptionalInt.empty() : OptionalInt.of(top)))
              .withCacheSalt(salt));
    }
    return new SglangRequest(
        ids(body.path("rid"), prompts.size()),
        asks,
        batch || asks.getFirst().n() > 1,
        body.path("stream").asBoolean(false),
        logprobs,
        from,
        top,
        body.path("return_text_in_logprobs").asBoolean(false),
        body.path("return_prompt_token_ids").asBoolean(false),
        !body.path("incremental_streaming_output").asBoolean(false));
  }

  /// SGLang has two fields for it, which count together.
  private static Optional<String> salt(JsonNode body) {
    Optional<String> salt = SamplingFields.salt(body);
    Optional<String> extra = Optional.ofNullable(body.path("extra_key").textValue());
    return salt.isPresent() ? salt.map(text -> text + extra.orElse("")) : extra;
  }

  private static List<Tokens> prompts(JsonNode body, Served served) {
    JsonNode text = body.path("text");
    JsonNode ids = body.path("input_ids");
    if (text.isTextual() || text.isArray()) {
      if (ids.isArray()) throw Refused.bad("send text or input_ids, not both", "input_ids");
      List<Tokens> all = new ArrayList<>();
      if (text.isTextual()) all.add(served.texts().encode(text.textValue(), true));
      for (JsonNode one : text) all.add(served.texts().encode(one.asText(), true));
      for (Tokens tokens : all) if (tokens.isEmpty()) throw Refused.bad("text is empty", "text");
      if (all.isEmpty()) throw Refused.bad("text is empty", "text");
      return all;
    }
    if (!ids.path(0).isArray()) return List.of(PromptField.readIds(ids, "input_ids"));
    List<Tokens> all = new ArrayList<>();
    for (JsonNode one : ids) all.add(PromptField.readIds(one, "input_ids[" + all.size() + "]"));
    return all;
  }

  private static List<String> ids(JsonNode rid, int count) {
    List<String> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      JsonNode named = rid.isArray() ? rid.path(i) : rid;
      String id = named.asText("");
      if (id.isEmpty() || id.equals("null")) id = Completions.newId();
      all.add(count > 1 && !rid.isArray() ? id + "_" + i : id);
    }
    return all;
  }

  private static Ask ask(Served served, Tokens prompt, JsonNode params) {
    int room = served.room(prompt, "input_ids");
    int bound = Math.min(params.path("max_new_tokens").asInt(USUAL_TOKENS), room);
    return new Ask(
            prompt,
            SamplingFields.exact(openai(params), served),
            params.path("n").asInt(1),
            bound,
            ends(params),
            new Reading.Text(params.path("skip_special_tokens").asBoolean(true)))
        .withConstraint(constraint(params));
  }

  /// The same fields by the names of OpenAI's wire.
  private static JsonNode openai(JsonNode params) {
    if (!(params instanceof ObjectNode given)) return params;
    ObjectNode renamed = given.deepCopy();
    renamed.set("seed", params.path("sampling_seed"));
    renamed.set("min_tokens", params.path("min_new_tokens"));
    if (params.path("temperature").asDouble(1) < 1e-6) renamed.put("temperature", 0);
    return renamed;
  }

  private static Ends ends(JsonNode params) {
    return new Ends(
        SamplingFields.strings(params.path("stop")),
        params.path("no_stop_trim").asBoolean(false),
        SamplingFields.ids(params.path("stop_token_ids"), "stop_token_ids"),
        params.path("ignore_eos").asBoolean(false));
  }

  private static Optional<Constraint> constraint(JsonNode params) {
    JsonNode schema = params.path("json_schema");
    JsonNode regex = params.path("regex");
    if (schema.isTextual() && regex.isTextual())
      throw Refused.bad("send json_schema or regex, not both", "regex");
    if (schema.isTextual()) return Optional.of(new Constraint.Schema(new Json(schema.textValue())));
    return Optional.ofNullable(regex.textValue()).map(Constraint.Regex::new);
  }
}
