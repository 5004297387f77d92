package dev.turnstone.server.http;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.turnstone.trainerbridge.json.JsonText;
import java.io.IOException;

/// JSON as this server reads and writes it.
public final class Wire {
  /// Bytes that a request body or a feed message may have.
  public static final int LIMIT = 64 << 20;

  private static final int DEPTH = 200;

  public static final ObjectMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxStringLength(LIMIT)
                          .maxNestingDepth(DEPTH)
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private Wire() {}

  /// Reads a request body.
  public static JsonNode read(byte[] body) {
    try {
      JsonNode node = JSON.readTree(body);
      if (node.isMissingNode()) throw Refused.bad("the body is empty, but must be a JSON object");
      return node;
    } catch (JsonProcessingException e) {
      throw Refused.bad("the body is not JSON: " + JsonText.why(e));
    } catch (IOException e) {
      throw Refused.bad("the body is not JSON: it is not UTF-8 text");
    }
  }

  public static String text(JsonNode node) {
    try {
      return JSON.writeValueAsString(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a JSON tree is always writable", e);
    }
  }

  /// The same in UTF-8.
  public static byte[] bytes(JsonNode node) {
    try {
      return JSON.writeValueAsBytes(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a JSON tree is always writable", e);
    }
  }

  /// Reads text of our own that is JSON.
  public static JsonNode parse(String json) {
    try {
      return JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not JSON: " + json, e);
    }
  }
}
