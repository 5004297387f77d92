package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.vertx.core.buffer.Buffer;
import java.util.Map;

/// What is answered to one HTTP request.
record Reply(int status, String type, Buffer body, Map<String, String> headers) {
  static Reply json(int status, JsonNode body) {
    return new Reply(status, "application/json", Buffer.buffer(body.toString()), Map.of());
  }

  static Reply ok(JsonNode body) {
    return json(200, body);
  }

  static Reply bytes(String type, byte[] body) {
    return new Reply(200, type, Buffer.buffer(body), Map.of());
  }

  static Reply empty(int status) {
    return new Reply(status, "application/json", Buffer.buffer(), Map.of());
  }

  /// `{"detail": why}`, as FastAPI answers errors.
  static Reply detail(int status, String why) {
    return json(status, JsonNodeFactory.instance.objectNode().put("detail", why));
  }

  Reply with(String name, String value) {
    return new Reply(status, type, body, Map.of(name, value));
  }
}
