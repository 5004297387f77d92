package dev.turnstone.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import io.vertx.core.MultiMap;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;

/// A request as an endpoint sees it: who may call and what the body looks like is already checked.
///
/// @param path values of the path's parameters
/// @param query values of the query's parameters
/// @param body missing node if the route takes none
/// @param raw the body as it was sent; read-only
public record Call(
    Map<String, String> path, MultiMap query, MultiMap headers, JsonNode body, ByteBuffer raw) {
  public String path(String name) {
    String value = path.get(name);
    if (value == null) throw new IllegalArgumentException("the route has no parameter " + name);
    return value;
  }

  /// The first value of a parameter of the query.
  public Optional<String> query(String name) {
    return Optional.ofNullable(query.get(name));
  }

  /// The key that came with the request, as OpenAI's clients send it or as Anthropic's do.
  public Optional<String> key() {
    return header("Authorization")
        .filter(header -> header.regionMatches(true, 0, "Bearer ", 0, 7))
        .map(header -> header.substring(7).strip())
        .or(() -> header("x-api-key"));
  }

  public Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name));
  }
}
