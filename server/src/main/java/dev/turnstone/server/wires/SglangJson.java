package dev.turnstone.server.wires;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Choice.Finish;
import dev.turnstone.server.completion.Choice.Token;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Wire;
import dev.turnstone.server.openai.TokenJson;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// SGLang's replies to one request: `text`, `output_ids` and `meta_info`.
final class SglangJson {
  private final SglangRequest request;
  private final Served served;
  private final Steering steering;
  private final long started = System.nanoTime();

  SglangJson(SglangRequest request, Served served, Steering steering) {
    this.request = request;
    this.served = served;
    this.steering = steering;
  }

  /// A choice with some of its tokens and text.
  ObjectNode reply(Choice choice, String text, List<Token> tokens) {
    ObjectNode json = Wire.JSON.createObjectNode().put("text", text);
    if (request.batch()) json.put("index", choice.index());
    json.putPOJO("output_ids", TokenJson.ids(tokens));
    if (request.promptIds()) json.putPOJO("prompt_token_ids", TokenJson.ids(choice.ask().prompt()));
    meta(json.putObject("meta_info"), choice, tokens);
    return json;
  }

  private void meta(ObjectNode meta, Choice choice, List<Token> tokens) {
    Tokens prompt = choice.ask().prompt();
    meta.put("id", request.ids().get(choice.index() / choice.ask().n()));
    finish(meta, choice);
    meta.put("prompt_tokens", prompt.size())
        .put("completion_tokens", choice.tokens().size())
        .put("cached_tokens", choice.cached());
    RunLength<String> labels = steering.labels(choice.versions());
    meta.put("weight_version", newest(labels));
    ArrayNode spans = meta.putArray("weight_versions");
    for (int i = 0; i < labels.values().size(); i++)
      spans
          .addObject()
          .put("version", labels.values().get(i))
          .put("start", labels.starts().get(i))
          .put(
              "end", i + 1 < labels.starts().size() ? labels.starts().get(i + 1) : labels.length());
    meta.put("num_retractions", 0).put("e2e_latency", (System.nanoTime() - started) / 1e9);
    if (request.logprobs()) logprobs(meta, choice, tokens);
  }

  private String newest(RunLength<String> labels) {
    return labels.values().isEmpty() ? steering.label() : labels.values().getLast();
  }

  private static void finish(ObjectNode meta, Choice choice) {
    if (choice.finish().isEmpty()) {
      meta.putNull("finish_reason");
      return;
    }
    Finish finish = choice.finish().get();
    ObjectNode reason = meta.putObject("finish_reason");
    switch (finish.reason()) {
      case STOP ->
          reason
              .put("type", "stop")
              .putPOJO("matched", finish.stop().orElseGet(() -> choice.tokens().getLast().id()));
      case LENGTH -> reason.put("type", "length").put("length", choice.tokens().size());
      case ABORT -> reason.put("type", "abort").put("message", "Aborted");
    }
  }

  private void logprobs(ObjectNode meta, Choice choice, List<Token> tokens) {
    ArrayNode sampled = meta.putArray("output_token_logprobs");
    ArrayNode tops = meta.putArray("output_top_logprobs");
    for (Token token : tokens) {
      triple(sampled, token.logprob(), token.id());
      if (request.top() > 0) triples(tops.addArray(), token.top());
    }
    meta.put("output_token_logprobs_length", tokens.size());
    ArrayNode scored = meta.putArray("input_token_logprobs");
    ArrayNode inputTops = meta.putArray("input_top_logprobs");
    choice
        .promptLogprobs()
        .ifPresent(scores -> prompt(choice.ask().prompt(), scores, scored, inputTops));
  }

  private void prompt(Tokens prompt, PromptLogprobs scores, ArrayNode scored, ArrayNode tops) {
    for (int i = request.scoredFrom(); i < prompt.size(); i++) {
      if (i == 0) {
        text(scored.addArray().addNull().add(prompt.get(0)), prompt.get(0));
        if (request.top() > 0) tops.addNull();
      } else {
        triple(scored, scores.logprobs().get(i), prompt.get(i));
        if (request.top() > 0) triples(tops.addArray(), scores.tops().get(i));
      }
    }
  }

  private void triples(ArrayNode list, TopLogprobs most) {
    for (int i = 0; i < most.ids().size(); i++)
      triple(list, most.logprobs().get(i), most.ids().get(i));
  }

  /// Log-probability, id, and the token's text or null.
  private void triple(ArrayNode list, float logprob, int id) {
    text(list.addArray().add(TokenJson.finite(logprob)).add(id), id);
  }

  private void text(ArrayNode triple, int id) {
    if (request.texts()) triple.add(new String(served.texts().bytes(id), StandardCharsets.UTF_8));
    else triple.addNull();
  }
}
