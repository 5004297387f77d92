package dev.turnstone.trainerbridge.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.TreeMap;
import java.util.regex.Pattern;

/// JSON between text and tree, and what two texts that mean the same have in common.
public final class JsonText {
  /// Where a message of Jackson's begins to speak of Jackson.
  private static final Pattern ADVICE =
      Pattern.compile("(?s)(: expected close| \\(start marker|: enable `| \\(\\d+, from `|\n).*");

  private static final ObjectMapper MAPPER =
      new ObjectMapper(
              JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private JsonText() {}

  public static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  public static ArrayNode array() {
    return MAPPER.createArrayNode();
  }

  /// Reads what someone else wrote.
  ///
  /// @throws IllegalArgumentException if it is not JSON
  public static JsonNode parse(String text) {
    try {
      return MAPPER.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not JSON: " + why(e), e);
    }
  }

  /// What is wrong with a text that is not JSON, without advice about Jackson's settings.
  public static String why(JsonProcessingException e) {
    return ADVICE.matcher(e.getOriginalMessage()).replaceFirst("");
  }

  public static String write(JsonNode node) {
    return node.toString();
  }

  /// The same JSON with the names of every object in order.
  public static String canonical(JsonNode node) {
    return write(sorted(node));
  }

  public static String sha256(String text) {
    return sha256(text.getBytes(StandardCharsets.UTF_8));
  }

  public static String sha256(byte[] bytes) {
    return HexFormat.of().formatHex(newSha256().digest(bytes));
  }

  public static MessageDigest newSha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  private static JsonNode sorted(JsonNode node) {
    if (node instanceof ArrayNode list) {
      ArrayNode out = array();
      list.forEach(item -> out.add(sorted(item)));
      return out;
    }
    if (!(node instanceof ObjectNode fields)) return node;
    TreeMap<String, JsonNode> inOrder = new TreeMap<>();
    fields.properties().forEach(field -> inOrder.put(field.getKey(), sorted(field.getValue())));
    ObjectNode out = object();
    out.setAll(inOrder);
    return out;
  }
}
