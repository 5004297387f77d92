package dev.turnstone.server.wires;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.Scores;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.server.completion.Ask;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Choice.Token;
import dev.turnstone.server.completion.Completion;
import dev.turnstone.server.completion.Completions;
import dev.turnstone.server.completion.Ends;
import dev.turnstone.server.completion.Reading;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Gate;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.Wire;
import dev.turnstone.server.openai.ConstraintFields;
import dev.turnstone.server.openai.PromptField;
import dev.turnstone.server.openai.SamplingFields;
import dev.turnstone.server.openai.TokenJson;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// vLLM's `/inference/v1/generate`: ids in, ids out, no text.
public final class VllmGenerate {
  private final Served served;
  private final Completions completions;
  private final Clock clock;
  private final TokenJson tokens;

  public VllmGenerate(Served served, Completions completions, Clock clock) {
    this.served = served;
    this.completions = completions;
    this.clock = clock;
    this.tokens = new TokenJson(served, true);
  }

  /// The routes.
  ///
  /// @param gate bounds the completions in flight
  public List<Route> routes(Gate gate) {
    return List.of(
        Route.post("/inference/v1/generate", Scope.AGENT, "VllmGenerateRequest", this::generate)
            .within(gate)
            .errors(WireErrors.VLLM));
  }

  private Reply generate(Call call) throws InterruptedException {
    JsonNode body = call.body();
    Optional.ofNullable(body.path("model").textValue()).ifPresent(served::checkModel);
    JsonNode params = body.path("sampling_params");
    Tokens prompt = PromptField.readIds(body.path("token_ids"), "token_ids");
    Ask ask = ask(prompt, params).withCacheSalt(SamplingFields.salt(body));
    String external = Completions.id(call);
    Json json = new Json(external, clock.instant().getEpochSecond(), params.path("logprobs"));
    if (body.path("stream").asBoolean(false)) {
      boolean usage = body.path("stream_options").path("include_usage").asBoolean(false);
      return completions.stream(
          external,
          List.of(ask),
          WireErrors.VLLM,
          (completion, out) -> stream(completion, json, usage, out));
    }
    return completions.plain(external, List.of(ask), choices -> Reply.ok(json.reply(choices)));
  }

  private Ask ask(Tokens prompt, JsonNode params) {
    Ends ends = SamplingFields.ends(params);
    int room = served.room(prompt, "token_ids");
    int bound = Math.min(params.path("max_tokens").asInt(Integer.MAX_VALUE), room);
    JsonNode scored = params.path("prompt_logprobs");
    return new Ask(
            prompt,
            SamplingFields.exact(params, served),
            params.path("n").asInt(1),
            bound,
            ends,
            ends.strings().isEmpty() ? Reading.IDS : Reading.TEXT)
        .withConstraint(ConstraintFields.read(params))
        .withScores(
            new Scores(
                    params.path("logprobs").asInt(0),
                    scored.isInt() ? OptionalInt.of(scored.intValue()) : OptionalInt.empty())
                .withNamed(SamplingFields.named(params.path("logprob_token_ids"))));
  }

  private static void stream(Completion completion, Json json, boolean usage, EventStream out)
      throws InterruptedException, EventStream.Gone, PolicyException {
    List<Choice> choices = completion.choices();
    for (var grown = completion.next(out); !grown.isEmpty(); grown = completion.next(out))
      for (Choice choice : grown) {
        Choice.Delta delta = choice.delta();
        boolean last = choice.finish().isPresent();
        if (last || !delta.tokens().isEmpty()) out.data(json.chunk(choice, delta.tokens()));
      }
    if (usage) out.data(json.usage(choices));
  }

  /// The replies to one request.
  private final class Json {
    private final String id;
    private final long created;
    private final OptionalInt logprobs;

    Json(String id, long created, JsonNode logprobs) {
      this.id = "generate-tokens-" + id;
      this.created = created;
      this.logprobs = logprobs.isInt() ? OptionalInt.of(logprobs.intValue()) : OptionalInt.empty();
    }

    ObjectNode reply(List<Choice> choices) {
      ObjectNode reply = head();
      ArrayNode list = reply.putArray("choices");
      for (Choice choice : choices) {
        ObjectNode json = choice(list.addObject(), choice, choice.tokens());
        TokenJson.versions(json, choice);
      }
      reply.set("usage", TokenJson.usage(choices));
      Choice first = choices.getFirst();
      first
          .promptLogprobs()
          .ifPresentOrElse(
              scores -> reply.set("prompt_logprobs", tokens.prompt(first.ask().prompt(), scores)),
              () -> reply.putNull("prompt_logprobs"));
      return reply;
    }

    ObjectNode chunk(Choice choice, List<Token> gained) {
      ObjectNode chunk = head();
      choice(chunk.putArray("choices").addObject(), choice, gained);
      return chunk;
    }

    ObjectNode usage(List<Choice> choices) {
      ObjectNode chunk = head();
      chunk.putArray("choices");
      chunk.set("usage", TokenJson.usage(choices));
      return chunk;
    }

    private ObjectNode head() {
      return Wire.JSON
          .createObjectNode()
          .put("request_id", id)
          .put("model", served.name())
          .put("created", created);
    }

    private ObjectNode choice(ObjectNode json, Choice choice, List<Token> gained) {
      json.put("index", choice.index());
      json.putPOJO("token_ids", TokenJson.ids(gained));
      if (choice.finish().isPresent()) json.put("finish_reason", choice.finishReason());
      else json.putNull("finish_reason");
      if (logprobs.isEmpty()) json.putNull("logprobs");
      else content(json.putObject("logprobs").putArray("content"), gained);
      return json;
    }

    /// Always at least one top entry: the sampled id where none were asked for.
    private void content(ArrayNode list, List<Token> gained) {
      for (Token token : gained) {
        ObjectNode entry = entry(list.addObject(), token.id(), token.logprob());
        ArrayNode tops = entry.putArray("top_logprobs");
        TopLogprobs most = token.top();
        if (most.ids().isEmpty()) entry(tops.addObject(), token.id(), token.logprob());
        for (int i = 0; i < most.ids().size(); i++)
          entry(tops.addObject(), most.ids().get(i), most.logprobs().get(i));
      }
    }

    private ObjectNode entry(ObjectNode entry, int id, float logprob) {
      return entry
          .put("token", "token_id:" + id)
          .put("logprob", TokenJson.finite(logprob))
          .putNull("bytes");
    }
  }
}
