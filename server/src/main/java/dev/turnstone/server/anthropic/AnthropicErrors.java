package dev.turnstone.server.anthropic;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.server.http.ErrorShape;
import dev.turnstone.server.http.Wire;

/// `{"type": "error", "error": {"type", "message"}}`.
final class AnthropicErrors {
  static final ErrorShape SHAPE =
      refused -> {
        ObjectNode error = Wire.JSON.createObjectNode().put("type", "error");
        ObjectNode detail = error.putObject("error");
        detail.put("type", type(refused.status())).put("message", refused.getMessage());
        refused.figures().forEach(detail::put);
        return error;
      };

  private AnthropicErrors() {}

  private static String type(int status) {
    return switch (status) {
      case 401 -> "authentication_error";
      case 403 -> "permission_error";
      case 404 -> "not_found_error";
      case 413 -> "request_too_large";
      case 429 -> "rate_limit_error";
      case 503 -> "overloaded_error";
      default -> status < 500 ? "invalid_request_error" : "api_error";
    };
  }
}
