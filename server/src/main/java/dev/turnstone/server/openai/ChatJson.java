package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Choice.Token;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Wire;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// Completions as OpenAI's JSON. One per request: all its chunks share id, time and model.
final class ChatJson {
  private static final double LEAST_LOGPROB = -9999;

  private final String id;
  private final long created;
  private final ChatRequest request;
  private final Served served;
  private final Tokens prompt;

  ChatJson(String id, long created, ChatRequest request, Served served, Tokens prompt) {
    this.id = id;
    this.created = created;
    this.request = request;
    this.served = served;
    this.prompt = prompt;
  }

  /// The whole reply.
  ObjectNode completion(List<Choice> choices) {
    ObjectNode reply = head("chat.completion");
    ArrayNode list = reply.putArray("choices");
    choices.forEach(choice -> list.add(choice(choice)));
    if (request.fields().tokenIds()) ids(reply.putArray("prompt_token_ids"), prompt);
    reply.set("usage", usage(choices));
    return reply;
  }

  private ObjectNode choice(Choice choice) {
    ObjectNode json = Wire.JSON.createObjectNode().put("index", choice.index());
    ObjectNode message = json.putObject("message").put("role", "assistant");
    if (choice.calls().isEmpty() || !choice.content().isBlank())
      message.put("content", choice.content());
    else message.putNull("content");
    message.putNull("refusal");
    reasoning(message, choice.reasoning());
    if (!choice.calls().isEmpty()) {
      ArrayNode calls = message.putArray("tool_calls");
      choice.calls().forEach(call -> calls.add(call(call)));
    }
    logprobs(json, choice.tokens());
    finish(json, choice);
    if (request.fields().tokenIds()) {
      tokenIds(json, choice.tokens());
      RunLength<Integer> versions = choice.versions();
      ObjectNode runs = json.putObject("policy_versions");
      versions.starts().forEach(runs.putArray("starts")::add);
      versions.values().forEach(runs.putArray("values")::add);
    }
    return json;
  }

  private static ObjectNode call(ToolCall call) {
    ObjectNode json = Wire.JSON.createObjectNode().put("id", call.id()).put("type", "function");
    json.putObject("function").put("name", call.name()).put("arguments", call.arguments().text());
    return json;
  }

  /// The first chunk of a choice.
  ObjectNode role(Choice choice) {
    ObjectNode chunk = head("chat.completion.chunk");
    ObjectNode json = open(chunk, choice);
    json.putObject("delta").put("role", "assistant").put("content", "");
    json.putNull("logprobs").putNull("finish_reason");
    if (request.fields().tokenIds()) ids(chunk.putArray("prompt_token_ids"), prompt);
    return chunk;
  }

  /// A chunk with what a choice has gained.
  ObjectNode delta(Choice choice, Choice.Delta gained) {
    ObjectNode chunk = head("chat.completion.chunk");
    ObjectNode json = open(chunk, choice);
    ObjectNode delta = json.putObject("delta");
    StringBuilder content = new StringBuilder();
    StringBuilder reasoning = new StringBuilder();
    int number = gained.firstCall();
    for (Served.Piece piece : gained.pieces())
      switch (piece) {
        case Served.Piece.Reasoning(String text) -> reasoning.append(text);
        case Served.Piece.Unreadable _ -> {}
        case Served.Piece.Content(String text) -> content.append(text);
        case Served.Piece.Call(ToolCall call) ->
            delta.withArray("tool_calls").add(call(call).put("index", number++));
      }
    reasoning(delta, reasoning.toString());
    if (!content.isEmpty()) delta.put("content", content.toString());
    logprobs(json, gained.tokens());
    json.putNull("finish_reason");
    if (request.fields().tokenIds()) tokenIds(json, gained.tokens());
    return chunk;
  }

  /// Under the name that vLLM's clients read and the one that all others do.
  private static void reasoning(ObjectNode message, String reasoning) {
    if (reasoning.isEmpty()) return;
    message.put("reasoning", reasoning).put("reasoning_content", reasoning);
  }

  /// The last chunk of a choice.
  ObjectNode finish(Choice choice) {
    ObjectNode chunk = head("chat.completion.chunk");
    ObjectNode json = open(chunk, choice);
    json.putObject("delta");
    json.putNull("logprobs");
    finish(json, choice);
    return chunk;
  }

  /// The chunk of usage that `stream_options.include_usage` asks for.
  ObjectNode usageChunk(List<Choice> choices) {
    ObjectNode chunk = head("chat.completion.chunk");
    chunk.putArray("choices");
    chunk.set("usage", usage(choices));
    return chunk;
  }

  private ObjectNode head(String object) {
    return Wire.JSON
        .createObjectNode()
        .put("id", id)
        .put("object", object)
        .put("created", created)
        .put("model", served.name());
  }

  private static ObjectNode open(ObjectNode chunk, Choice choice) {
    return chunk.putArray("choices").addObject().put("index", choice.index());
  }

  private static void finish(ObjectNode json, Choice choice) {
    json.put("finish_reason", choice.finishReason());
    choice.unreadable().ifPresent(why -> json.put("tool_call_error", why));
    json.putPOJO("stop_reason", choice.finish().orElseThrow().stop().orElse(null));
  }

  private void logprobs(ObjectNode json, List<Token> tokens) {
    if (!request.logprobs() || tokens.isEmpty()) {
      json.putNull("logprobs");
      return;
    }
    ArrayNode content = json.putObject("logprobs").putArray("content");
    for (Token token : tokens) {
      byte[] bytes = served.texts().bytes(token.id());
      ObjectNode entry = content.addObject();
      entry.put("token", new String(bytes, StandardCharsets.UTF_8));
      entry.put("logprob", finite(token.logprob()));
      ArrayNode list = entry.putArray("bytes");
      for (byte b : bytes) list.add(Byte.toUnsignedInt(b));
      entry.putArray("top_logprobs");
    }
  }

  /// JSON has no infinity.
  private static double finite(float logprob) {
    return Float.isNaN(logprob) ? LEAST_LOGPROB : Math.max(logprob, LEAST_LOGPROB);
  }

  private static void tokenIds(ObjectNode json, List<Token> tokens) {
    ArrayNode list = json.putArray("token_ids");
    tokens.forEach(token -> list.add(token.id()));
  }

  private static void ids(ArrayNode list, Tokens tokens) {
    for (int i = 0; i < tokens.size(); i++) list.add(tokens.get(i));
  }

  private ObjectNode usage(List<Choice> choices) {
    int generated = choices.stream().mapToInt(choice -> choice.tokens().size()).sum();
    ObjectNode usage =
        Wire.JSON
            .createObjectNode()
            .put("prompt_tokens", prompt.size())
            .put("completion_tokens", generated)
            .put("total_tokens", prompt.size() + generated);
    usage
        .putObject("prompt_tokens_details")
        .put("cached_tokens", choices.stream().mapToInt(Choice::cached).max().orElse(0));
    return usage;
  }
}
