package dev.turnstone.server.responses;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.JsonSerializable;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Choice.Token;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Wire;
import dev.turnstone.server.openai.TokenJson;
import java.util.List;

/// A response as OpenAI's JSON, in every state of its life; all 31 fields are always there.
///
/// @param request the body that asked for it
/// @param created in seconds since 1970
record ResponseJson(String id, long created, JsonNode request, Served served) {
  private static final List<String> ECHOED =
      List.of(
          "instructions",
          "max_output_tokens",
          "max_tool_calls",
          "previous_response_id",
          "prompt_cache_key",
          "safety_identifier");

  /// Before it has ended.
  ObjectNode open(String status) {
    ObjectNode json = Wire.JSON.createObjectNode();
    json.put("id", id).put("object", "response").put("created_at", created);
    json.put("status", status).putNull("completed_at").putNull("error");
    json.putNull("incomplete_details").put("model", served.name());
    json.putArray("output");
    json.putNull("usage");
    for (String field : ECHOED)
      json.set(
          field, request.path(field).isMissingNode() ? Wire.JSON.nullNode() : request.get(field));
    defaults(json);
    return json;
  }

  private void defaults(ObjectNode json) {
    json.set("tools", orElse("tools", Wire.JSON.createArrayNode()));
    json.set("tool_choice", orElse("tool_choice", Wire.JSON.getNodeFactory().textNode("auto")));
    json.set("metadata", orElse("metadata", Wire.JSON.createObjectNode()));
    json.set("text", orElse("text", Wire.parse("{\"format\": {\"type\": \"text\"}}")));
    json.set("reasoning", orElse("reasoning", Wire.parse("{\"effort\": null, \"summary\": null}")));
    json.put("parallel_tool_calls", request.path("parallel_tool_calls").asBoolean(true));
    json.put("truncation", request.path("truncation").asText("disabled"));
    json.put("temperature", request.path("temperature").asDouble(served.defaults().temperature()));
    json.put("top_p", request.path("top_p").asDouble(served.defaults().topP()));
    json.put("presence_penalty", request.path("presence_penalty").asDouble(0));
    json.put("frequency_penalty", request.path("frequency_penalty").asDouble(0));
    json.put("top_logprobs", request.path("top_logprobs").asInt(0));
    json.put("store", stored());
    json.put("background", request.path("background").asBoolean(false));
    json.put("service_tier", "default");
  }

  private JsonNode orElse(String field, JsonNode otherwise) {
    JsonNode given = request.path(field);
    return given.isMissingNode() || given.isNull() ? otherwise : given;
  }

  /// Whether a later request may ask for it.
  boolean stored() {
    return request.path("store").asBoolean(true);
  }

  /// Whether the sampled tokens' log-probabilities are part of its text.
  boolean logprobs() {
    return logprobs(request);
  }

  static boolean logprobs(JsonNode request) {
    for (JsonNode wanted : request.path("include"))
      if (wanted.asText().equals("message.output_text.logprobs")) return true;
    return request.path("top_logprobs").asInt(0) > 0;
  }

  /// Once it has ended.
  ObjectNode ended(Choice choice, ArrayNode output, long now) {
    boolean aborted = choice.finishReason().equals("abort");
    boolean cut = choice.finishReason().equals("length");
    ObjectNode json = open(aborted ? "cancelled" : cut ? "incomplete" : "completed");
    if (cut) json.putObject("incomplete_details").put("reason", "max_output_tokens");
    if (!aborted && !cut) json.put("completed_at", now);
    json.set("output", output);
    json.set("usage", usage(choice));
    return json;
  }

  /// Once it has broken.
  ObjectNode failed(Refused why) {
    ObjectNode json = open("failed");
    String code = why.status() < 500 ? "invalid_prompt" : "server_error";
    json.putObject("error").put("code", code).put("message", why.getMessage());
    return json;
  }

  private static ObjectNode usage(Choice choice) {
    int input = choice.ask().prompt().size();
    int output = choice.tokens().size();
    ObjectNode usage = Wire.JSON.createObjectNode().put("input_tokens", input);
    usage
        .putObject("input_tokens_details")
        .put("cached_tokens", choice.cached())
        .put("cache_write_tokens", 0);
    usage.put("output_tokens", output);
    usage.putObject("output_tokens_details").put("reasoning_tokens", choice.reasoningTokens());
    return usage.put("total_tokens", input + output);
  }

  /// The items of a choice that has ended.
  ArrayNode output(Choice choice) {
    ArrayNode items = Wire.JSON.createArrayNode();
    boolean calls = !choice.calls().isEmpty();
    boolean speaks = !calls || !choice.content().isBlank();
    String last = calls ? "completed" : last(choice);
    String thought = choice.content().isBlank() ? last : "completed";
    if (!choice.reasoning().isEmpty()) items.add(reasoning(0, choice.reasoning(), thought));
    if (speaks) items.add(message(items.size(), part(choice.content(), choice.tokens()), last));
    for (ToolCall call : choice.calls())
      items.add(call(items.size(), call, call.arguments().text(), "completed"));
    return items;
  }

  /// The status of the item with which a choice ends, which may be cut off.
  static String last(Choice choice) {
    return switch (choice.finishReason()) {
      case "length", "abort" -> "incomplete";
      default -> "completed";
    };
  }

  /// Names an item: unique by the response and its place in it.
  String item(String kind, int index) {
    return "%s_%s_%d".formatted(kind, id.substring(id.indexOf('_') + 1), index);
  }

  ObjectNode reasoning(int index, String text, String status) {
    ObjectNode item = Wire.JSON.createObjectNode().put("type", "reasoning");
    item.put("id", item("rs", index)).put("status", status).putArray("summary");
    ArrayNode content = item.putArray("content");
    if (!text.isEmpty()) content.addObject().put("type", "reasoning_text").put("text", text);
    return item;
  }

  ObjectNode message(int index, List<ObjectNode> parts, String status) {
    ObjectNode item = Wire.JSON.createObjectNode().put("type", "message");
    item.put("id", item("msg", index)).put("status", status).put("role", "assistant");
    item.putArray("content").addAll(parts);
    return item;
  }

  private List<ObjectNode> part(String text, List<Token> tokens) {
    return List.of(text(text, tokens));
  }

  /// A part of text.
  ///
  /// @param tokens whose log-probabilities it carries, if they were asked for
  ObjectNode text(String text, List<Token> tokens) {
    ObjectNode part = Wire.JSON.createObjectNode().put("type", "output_text").put("text", text);
    part.putArray("annotations");
    return part.putPOJO("logprobs", logprobs(tokens));
  }

  /// Log-probabilities of tokens, none if they were not asked for.
  JsonSerializable logprobs(List<Token> tokens) {
    return new TokenJson(served, false)
        .content(logprobs() ? tokens : List.of(), request.path("top_logprobs").asInt(0));
  }

  ObjectNode call(int index, ToolCall call, String arguments, String status) {
    return Wire.JSON
        .createObjectNode()
        .put("type", "function_call")
        .put("id", item("fc", index))
        .put("status", status)
        .put("call_id", call.id())
        .put("name", call.name())
        .put("arguments", arguments);
  }
}
