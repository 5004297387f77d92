package dev.turnstone.server.wires;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.server.http.ErrorShape;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Wire;

/// Errors as vLLM's and SGLang's clients read them.
final class WireErrors {
  /// OpenAI's envelope, but the code is the HTTP status and the type a name of Python's.
  static final ErrorShape VLLM = WireErrors::vllm;

  /// Of SGLang's generation.
  static final ErrorShape SGLANG =
      refused -> {
        ObjectNode error = Wire.JSON.createObjectNode();
        error.putObject("error").put("message", refused.getMessage());
        return error;
      };

  /// Of SGLang's control routes.
  static final ErrorShape SGLANG_CONTROL =
      refused ->
          Wire.JSON.createObjectNode().put("success", false).put("message", refused.getMessage());

  private WireErrors() {}

  private static JsonNode vllm(Refused refused) {
    ObjectNode error = Wire.JSON.createObjectNode();
    error.put("message", refused.getMessage()).put("type", type(refused.status()));
    refused.param().ifPresentOrElse(p -> error.put("param", p), () -> error.putNull("param"));
    error.put("code", refused.status());
    refused.figures().forEach(error::put);
    return Wire.JSON.createObjectNode().set("error", error);
  }

  private static String type(int status) {
    return switch (status) {
      case 401, 403 -> "AuthenticationError";
      case 404 -> "NotFoundError";
      case 429 -> "RateLimitError";
      case 503 -> "ServiceUnavailableError";
      default -> status < 500 ? "BadRequestError" : "InternalServerError";
    };
  }
}
