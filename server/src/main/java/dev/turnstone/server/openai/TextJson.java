package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Choice.Token;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Wire;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Text completions as OpenAI's JSON. One per request; used by one thread.
final class TextJson {
  private final String id;
  private final long created;
  private final TextRequest request;
  private final Served served;
  private final List<PromptField> prompts;
  private final TokenJson tokens;
  private final String fingerprint;

  /// What has been streamed of a choice's text, in code points.
  private final Map<Integer, Integer> streamed = new HashMap<>();

  TextJson(String id, long created, TextRequest request, Served served, List<PromptField> prompts) {
    this.id = id;
    this.created = created;
    this.request = request;
    this.served = served;
    this.prompts = prompts;
    this.tokens = new TokenJson(served, request.fields().tokensAsIds());
    this.fingerprint = TokenJson.fingerprint(served);
  }

  /// The reply to prompts that are only repeated.
  ObjectNode echoes() {
    ObjectNode reply = head();
    ArrayNode list = reply.putArray("choices");
    int ids = 0;
    for (PromptField prompt : prompts) {
      ids += prompt.ids().size();
      for (int i = 0; i < request.fields().n(); i++) {
        ObjectNode json = list.addObject().put("index", list.size() - 1);
        json.put("text", text(prompt)).putNull("logprobs").put("finish_reason", "length");
        json.putNull("stop_reason");
        if (request.fields().tokenIds()) {
          json.putPOJO("prompt_token_ids", TokenJson.ids(prompt.ids()));
          json.putArray("token_ids");
        }
      }
    }
    reply.putObject("usage").put("prompt_tokens", ids).put("completion_tokens", 0);
    reply.withObject("/usage").put("total_tokens", ids);
    return reply;
  }

  /// The whole reply.
  ObjectNode completion(List<Choice> choices) {
    ObjectNode reply = head();
    ArrayNode list = reply.putArray("choices");
    for (Choice choice : choices) list.add(choice(choice));
    reply.set("usage", TokenJson.usage(choices));
    return reply;
  }

  private ObjectNode choice(Choice choice) {
    ObjectNode json = Wire.JSON.createObjectNode().put("index", choice.index());
    Tokens prompt = choice.ask().prompt();
    json.put("text", echo(choice) + choice.content());
    if (request.logprobs().isPresent()) json.set("logprobs", logprobs(choice));
    else json.putNull("logprobs");
    ChatJson.finish(json, choice);
    if (request.fields().tokenIds()) {
      json.putPOJO("prompt_token_ids", TokenJson.ids(prompt));
      json.putPOJO("token_ids", TokenJson.ids(choice.tokens()));
      TokenJson.versions(json, choice);
    }
    if (request.fields().promptTop().isPresent())
      choice
          .promptLogprobs()
          .ifPresent(scores -> json.set("prompt_logprobs", tokens.prompt(prompt, scores)));
    return json;
  }

  private ObjectNode logprobs(Choice choice) {
    TextLogprobs lists = lists(0);
    if (request.echo())
      choice.promptLogprobs().ifPresent(scores -> lists.prompt(choice.ask().prompt(), scores));
    choice.tokens().forEach(lists::sampled);
    return lists.json();
  }

  private TextLogprobs lists(int offset) {
    return new TextLogprobs(
        tokens,
        request.fields().skipSpecial(),
        offset,
        Math.max(request.logprobs().orElse(0), request.fields().named().size()));
  }

  private String echo(Choice choice) {
    return request.echo() ? text(prompt(choice)) : "";
  }

  private PromptField prompt(Choice choice) {
    return prompts.get(choice.index() / request.fields().n());
  }

  private String text(PromptField prompt) {
    return prompt
        .text()
        .orElseGet(() -> {
          Served.Decoder decoder = served.texts().decoder(request.fields().skipSpecial());
          StringBuilder text = new StringBuilder();
          for (int i = 0; i < prompt.ids().size(); i++)
            text.append(decoder.push(prompt.ids().get(i)));
          return text.append(decoder.end()).toString();
        });
  }

  /// A chunk with what a choice has before anything is generated.
  ObjectNode first(Choice choice) {
    ObjectNode chunk = head();
    ObjectNode json = open(chunk, choice, echo(choice));
    json.putNull("logprobs").putNull("finish_reason");
    if (request.fields().tokenIds()) {
      json.putPOJO("prompt_token_ids", TokenJson.ids(choice.ask().prompt()));
      json.putArray("token_ids");
    }
    return chunk;
  }

  /// A chunk with what a choice has gained.
  ObjectNode delta(Choice choice, Choice.Delta gained) {
    ObjectNode chunk = head();
    int offset = streamed.getOrDefault(choice.index(), 0);
    ObjectNode json = open(chunk, choice, gained.content());
    if (request.logprobs().isPresent() && !gained.tokens().isEmpty()) {
      TextLogprobs lists = lists(offset);
      for (Token token : gained.tokens()) lists.sampled(token);
      json.set("logprobs", lists.json());
    } else {
      json.putNull("logprobs");
    }
    json.putNull("finish_reason");
    if (request.fields().tokenIds()) json.putPOJO("token_ids", TokenJson.ids(gained.tokens()));
    return chunk;
  }

  /// The last chunk of a choice.
  ObjectNode finish(Choice choice) {
    ObjectNode chunk = head();
    ObjectNode json = open(chunk, choice, "");
    json.putNull("logprobs");
    ChatJson.finish(json, choice);
    return chunk;
  }

  /// The chunk of usage that `stream_options.include_usage` asks for.
  ObjectNode usageChunk(List<Choice> choices) {
    ObjectNode chunk = head();
    chunk.putArray("choices");
    chunk.set("usage", TokenJson.usage(choices));
    return chunk;
  }

  private ObjectNode open(ObjectNode chunk, Choice choice, String text) {
    streamed.merge(choice.index(), text.codePointCount(0, text.length()), Integer::sum);
    return chunk.putArray("choices").addObject().put("index", choice.index()).put("text", text);
  }

  private ObjectNode head() {
    return Wire.JSON
        .createObjectNode()
        .put("id", id)
        .put("object", "text_completion")
        .put("created", created)
        .put("model", served.name())
        .put("system_fingerprint", fingerprint);
  }
}
