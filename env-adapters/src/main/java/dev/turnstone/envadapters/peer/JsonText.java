package dev.turnstone.envadapters.peer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Json;

/// JSON as this package reads and writes it. Decimals keep every digit, except in arguments.
public final class JsonText {
  private static final JsonMapper DOUBLES =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxNestingDepth(200).build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private static final JsonMapper DECIMALS =
      DOUBLES
          .rebuild()
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  /// A tree as the MCP SDK's mapper names types.
  public static final Class<JsonNode> TREE = JsonNode.class;

  private JsonText() {}

  /// Reads one JSON value and nothing after it.
  public static JsonNode read(String text) throws Unreadable {
    return read(DECIMALS, text);
  }

  /// Reads arguments, for which a schema's bounds must hold: the validator compares doubles
  /// rightly, decimals beyond a long wrongly.
  public static JsonNode readArguments(String text) throws Unreadable {
    JsonNode node = read(DOUBLES, text);
    requireFinite(node);
    return node;
  }

  private static JsonNode read(JsonMapper mapper, String text) throws Unreadable {
    try {
      JsonNode node = mapper.readTree(text);
      if (node.isMissingNode()) throw new Unreadable("it is empty");
      return node;
    } catch (JsonProcessingException e) {
      throw new Unreadable(e.getOriginalMessage());
    }
  }

  private static void requireFinite(JsonNode node) throws Unreadable {
    if (node.isDouble() && !Double.isFinite(node.doubleValue()))
      throw new Unreadable("a number is out of range");
    for (JsonNode child : node) requireFinite(child);
  }

  /// Reads JSON that this package has checked before.
  public static JsonNode readOwn(Json json) {
    try {
      return read(json.text());
    } catch (Unreadable e) {
      throw new IllegalStateException("unreadable JSON of our own", e);
    }
  }

  public static ObjectNode object() {
    return JsonNodeFactory.instance.objectNode();
  }

  /// Text that is not JSON, and why, without a position or a class name.
  public static final class Unreadable extends Exception {
    private static final long serialVersionUID = 1;

    public Unreadable(String message) {
      super(message);
    }
  }
}
