package dev.turnstone.engine.grammar;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.BooleanNode;
import java.util.regex.Pattern;

/// JSON values as compact text.
final class JsonLiteral {
  static final JsonNode FALSE = BooleanNode.FALSE;
  private static final int SHOWN = 80;

  /// Where a message of the parser's begins to speak of the parser.
  private static final Pattern PARSER =
      Pattern.compile("(?s)(: expected close| \\(start marker|: enable `|\n).*");

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  private JsonLiteral() {}

  static JsonNode read(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "the schema is not JSON: " + PARSER.matcher(e.getOriginalMessage()).replaceFirst(""), e);
    }
  }

  static String write(JsonNode value) {
    return value.toString();
  }

  static String shortened(JsonNode value) {
    String text = write(value);
    return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "…";
  }
}
