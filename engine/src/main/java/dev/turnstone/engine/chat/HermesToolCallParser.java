package dev.turnstone.engine.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser;
import java.util.ArrayList;
import java.util.List;

/// The Hermes format, which Qwen 2.5 and 3 write too: `<tool_call>\n{"name": …, "arguments":
/// {…}}\n</tool_call>`, any number of times.
///
/// Text before the first call is content. The last end tag may be missing.
public final class HermesToolCallParser implements ToolCallParser {
  static final String OPEN = "<tool_call>";
  static final String CLOSE = "</tool_call>";
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  @Override
  public Parsed parse(String text, int turn) {
    int start = text.indexOf(OPEN);
    if (start < 0) return new Parsed.Answer(text);
    var calls = new ArrayList<ToolCall>();
    int at = start;
    while (at >= 0) {
      int from = at + OPEN.length();
      int close = text.indexOf(CLOSE, from);
      String body = text.substring(from, close < 0 ? text.length() : close).strip();
      try {
        calls.add(call(body, "call_%d_%d".formatted(turn, calls.size())));
      } catch (JsonProcessingException e) {
        return new Parsed.Malformed(text, "not JSON: " + e.getOriginalMessage());
      } catch (IllegalArgumentException e) {
        return new Parsed.Malformed(text, String.valueOf(e.getMessage()));
      }
      at = close < 0 ? -1 : text.indexOf(OPEN, close);
    }
    return new Parsed.Calls(text.substring(0, start).strip(), List.copyOf(calls));
  }

  private static ToolCall call(String body, String id) throws JsonProcessingException {
    JsonNode node = JSON.readTree(body);
    if (!node.isObject()) throw new IllegalArgumentException("not an object: " + body);
    JsonNode name = node.path("name");
    if (!name.isTextual() || name.asText().isEmpty())
      throw new IllegalArgumentException("no name in " + body);
    JsonNode arguments = node.path("arguments");
    if (arguments.isTextual()) arguments = JSON.readTree(arguments.asText());
    if (arguments.isMissingNode()) arguments = JSON.createObjectNode();
    if (!arguments.isObject())
      throw new IllegalArgumentException("arguments are no object: " + arguments);
    return new ToolCall(id, name.asText(), new Json(JSON.writeValueAsString(arguments)));
  }
}
