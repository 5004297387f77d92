package dev.turnstone.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// A request that is answered with an error; the message is one sentence for the client.
public final class Refused extends RuntimeException {
  private static final long serialVersionUID = 1;

  private static final String RETRY_AFTER = "retry_after";

  private final int status;
  private final String type;
  private final transient Optional<String> param;
  private final transient Optional<String> code;
  private final transient Map<String, Integer> figures;

  private Refused(
      int status,
      String type,
      String message,
      Optional<String> param,
      Optional<String> code,
      Map<String, Integer> figures) {
    super(message, null, false, false);
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
    this.figures = figures;
  }

  public static Refused bad(String message) {
    return of(400, "invalid_request_error", message, Optional.empty(), Optional.empty());
  }

  public static Refused bad(String message, String param) {
    return of(400, "invalid_request_error", message, Optional.of(param), Optional.empty());
  }

  /// A prompt that alone does not fit into the policy's context.
  public static Refused tooLong(int promptTokens, int contextLength, String param) {
    return new Refused(
        400,
        "invalid_request_error",
        "the prompt has %d tokens, but prompt and completion together may have %d"
            .formatted(promptTokens, contextLength),
        Optional.of(param),
        Optional.of("context_length_exceeded"),
        Map.of("n_prompt_tokens", promptTokens, "max_model_len", contextLength));
  }

  static Refused unauthenticated(String message) {
    return of(
        401, "authentication_error", message, Optional.empty(), Optional.of("invalid_api_key"));
  }

  public static Refused forbidden(String message, String code) {
    return of(403, "permission_error", message, Optional.empty(), Optional.of(code));
  }

  public static Refused notFound(String message, String param, String code) {
    return of(404, "not_found_error", message, Optional.of(param), Optional.of(code));
  }

  public static Refused of(int status, String message, String code) {
    return of(status, "invalid_request_error", message, Optional.empty(), Optional.of(code));
  }

  /// The key has used what it may.
  static Refused limited(String message, int retryAfterSeconds) {
    return new Refused(
        429,
        "rate_limit_error",
        message,
        Optional.empty(),
        Optional.of("rate_limit_exceeded"),
        Map.of(RETRY_AFTER, retryAfterSeconds));
  }

  /// The server cannot take this now; `Retry-After` goes with it.
  public static Refused busy(String message, String code) {
    return of(503, "unavailable_error", message, Optional.empty(), Optional.of(code));
  }

  /// Something of ours broke; what exactly is in the log and not in the reply.
  public static Refused broken(String message) {
    return of(500, "server_error", message, Optional.empty(), Optional.empty());
  }

  private static Refused of(
      int status, String type, String message, Optional<String> param, Optional<String> code) {
    return new Refused(status, type, message, param, code, Map.of());
  }

  public int status() {
    return status;
  }

  /// Its kind, as OpenAI names it.
  public String type() {
    return type;
  }

  /// The offending field.
  public Optional<String> param() {
    return param;
  }

  public Optional<String> code() {
    return code;
  }

  /// Seconds after which the client may try again, if it may.
  OptionalInt retryAfter() {
    if (status == 503) return OptionalInt.of(1);
    return status == 429
        ? OptionalInt.of(figures.getOrDefault(RETRY_AFTER, 1))
        : OptionalInt.empty();
  }

  /// Numbers that say more, by their names on the wire.
  public Map<String, Integer> figures() {
    return figures;
  }

  /// The OpenAI error envelope.
  public ObjectNode body() {
    ObjectNode error = Wire.JSON.createObjectNode();
    error.put("message", getMessage()).put("type", type);
    param.ifPresentOrElse(p -> error.put("param", p), () -> error.putNull("param"));
    code.ifPresentOrElse(c -> error.put("code", c), () -> error.putNull("code"));
    figures.forEach(error::put);
    return Wire.JSON.createObjectNode().set("error", error);
  }
}
