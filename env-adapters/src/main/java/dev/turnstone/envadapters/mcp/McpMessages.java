package dev.turnstone.envadapters.mcp;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.modelcontextprotocol.json.McpJsonMapper;
import io.modelcontextprotocol.json.jackson2.JacksonMcpJsonMapper;
import io.modelcontextprotocol.spec.McpSchema;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCMessage;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCNotification;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Optional;

/// JSON-RPC messages as text.
final class McpMessages {
  /// Longer messages are refused, so that no server can fill the memory.
  static final int MAX_BYTES = 16 << 20;

  static final McpJsonMapper JSON = new JacksonMcpJsonMapper(new ObjectMapper());

  private McpMessages() {}

  static String write(JSONRPCMessage message) {
    try {
      return JSON.writeValueAsString(message);
    } catch (IOException e) {
      throw new UncheckedIOException("unwritable message of our own", e);
    }
  }

  /// Empty if the text is no message.
  static Optional<JSONRPCMessage> read(String text) {
    try {
      return Optional.of(McpSchema.deserializeJsonRpcMessage(JSON, text));
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  static boolean answers(JSONRPCMessage message, Object id) {
    return message instanceof JSONRPCResponse response && id.equals(response.id());
  }

  static JSONRPCNotification cancelled(Object id, String why) {
    return new JSONRPCNotification(
        "notifications/cancelled", Map.of("requestId", id, "reason", why));
  }
}
