package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Choice.Token;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Wire;
import java.util.ArrayList;
import java.util.List;

/// Chat completions as OpenAI's JSON. One per request: all its chunks share id, time and model.
final class ChatJson {
  private final String id;
  private final long created;
  private final ChatRequest request;
  private final Served served;
  private final Tokens prompt;
  private final TokenJson tokens;
  private final String fingerprint;

  ChatJson(String id, long created, ChatRequest request, Served served, Tokens prompt) {
    this.id = id;
    this.created = created;
    this.request = request;
    this.served = served;
    this.prompt = prompt;
    this.tokens = new TokenJson(served, request.fields().tokensAsIds());
    this.fingerprint = TokenJson.fingerprint(served);
  }

  /// The whole reply.
  ObjectNode completion(List<Choice> choices) {
    ObjectNode reply = head("chat.completion");
    ArrayNode list = reply.putArray("choices");
    choices.forEach(choice -> list.add(choice(choice)));
    if (request.fields().tokenIds()) reply.putPOJO("prompt_token_ids", TokenJson.ids(prompt));
    choices
        .getFirst()
        .promptLogprobs()
        .ifPresent(scores -> reply.set("prompt_logprobs", tokens.prompt(prompt, scores)));
    reply.set("usage", TokenJson.usage(choices));
    return reply;
  }

  private ObjectNode choice(Choice choice) {
    ObjectNode json = Wire.JSON.createObjectNode().put("index", choice.index());
    ObjectNode message = json.putObject("message").put("role", "assistant");
    String content = request.echoed() + choice.content();
    if (choice.calls().isEmpty() || !content.isBlank()) message.put("content", content);
    else if (request.forced().isPresent()) message.put("content", "");
    else message.putNull("content");
    message.putNull("refusal");
    reasoning(message, choice.reasoning());
    if (!choice.calls().isEmpty()) {
      ArrayNode calls = message.putArray("tool_calls");
      choice.calls().forEach(call -> calls.add(call(call)));
    }
    logprobs(json, choice.tokens());
    ended(json, choice);
    if (request.fields().tokenIds()) {
      json.putPOJO("token_ids", TokenJson.ids(choice.tokens()));
      TokenJson.versions(json, choice);
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
    if (request.fields().tokenIds()) chunk.putPOJO("prompt_token_ids", TokenJson.ids(prompt));
    return chunk;
  }

  /// The chunk with what the client had begun.
  ObjectNode echo(Choice choice) {
    ObjectNode chunk = head("chat.completion.chunk");
    ObjectNode json = open(chunk, choice);
    json.putObject("delta").put("content", request.echoed());
    json.putNull("logprobs").putNull("finish_reason");
    return chunk;
  }

  /// Chunks with what a choice has gained: its text and tokens, if any, then for each tool call its
  /// name, and more of its arguments.
  List<ObjectNode> delta(Choice choice, Choice.Delta gained, boolean tokensToo) {
    List<ObjectNode> chunks = new ArrayList<>(1);
    boolean told = tokensToo && !gained.tokens().isEmpty();
    for (Served.Piece piece : gained.pieces())
      told |= piece instanceof Served.Piece.Content || piece instanceof Served.Piece.Reasoning;
    if (told) chunks.add(spoken(choice, gained));
    for (Served.Piece piece : gained.pieces())
      if (piece instanceof Served.Piece.CallPart part) {
        if (part.first()) chunks.add(called(choice, named(part), part.number(), ""));
        if (part.arguments().isEmpty()) continue;
        ObjectNode more = Wire.JSON.createObjectNode();
        more.putObject("function");
        chunks.add(called(choice, more, part.number(), part.arguments()));
      }
    return chunks;
  }

  private static ObjectNode named(Served.Piece.CallPart part) {
    ObjectNode json = Wire.JSON.createObjectNode().put("id", part.id()).put("type", "function");
    json.putObject("function").put("name", part.name());
    return json;
  }

  private ObjectNode called(Choice choice, ObjectNode call, int number, String arguments) {
    ObjectNode chunk = head("chat.completion.chunk");
    ObjectNode json = open(chunk, choice);
    ((ObjectNode) call.get("function")).put("arguments", arguments);
    json.putObject("delta").putArray("tool_calls").add(call.put("index", number));
    json.putNull("logprobs").putNull("finish_reason");
    if (request.fields().tokenIds()) json.putArray("token_ids");
    return chunk;
  }

  private ObjectNode spoken(Choice choice, Choice.Delta gained) {
    ObjectNode chunk = head("chat.completion.chunk");
    ObjectNode json = open(chunk, choice);
    ObjectNode delta = json.putObject("delta");
    reasoning(delta, gained.reasoning());
    String content = gained.content();
    if (!content.isEmpty()) delta.put("content", content);
    logprobs(json, gained.tokens());
    json.putNull("finish_reason");
    if (request.fields().tokenIds()) json.putPOJO("token_ids", TokenJson.ids(gained.tokens()));
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
    ended(json, choice);
    return chunk;
  }

  /// The chunk of usage that `stream_options.include_usage` asks for.
  ObjectNode usageChunk(List<Choice> choices) {
    ObjectNode chunk = head("chat.completion.chunk");
    chunk.putArray("choices");
    chunk.set("usage", TokenJson.usage(choices));
    return chunk;
  }

  private ObjectNode head(String object) {
    return Wire.JSON
        .createObjectNode()
        .put("id", id)
        .put("object", object)
        .put("created", created)
        .put("model", served.name())
        .put("system_fingerprint", fingerprint);
  }

  private static ObjectNode open(ObjectNode chunk, Choice choice) {
    return chunk.putArray("choices").addObject().put("index", choice.index());
  }

  private void ended(ObjectNode json, Choice choice) {
    finish(json, choice);
    if (request.named() && choice.finishReason().equals("tool_calls"))
      json.put("finish_reason", "stop");
  }

  static void finish(ObjectNode json, Choice choice) {
    json.put("finish_reason", choice.finishReason());
    choice.unreadable().ifPresent(why -> json.put("tool_call_error", why));
    json.putPOJO("stop_reason", choice.finish().orElseThrow().stop().orElse(null));
  }

  private void logprobs(ObjectNode json, List<Token> list) {
    if (!request.logprobs() || list.isEmpty()) json.putNull("logprobs");
    else json.putObject("logprobs").putPOJO("content", tokens.content(list, request.top()));
  }
}
