package dev.turnstone.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import io.vertx.core.MultiMap;
import java.util.Map;
import java.util.Optional;

/// A request as an endpoint sees it: who may call and what the body looks like is already checked.
///
/// @param path values of the path's parameters
/// @param query values of the query's parameters
/// @param body missing node if the route takes none
public record Call(Map<String, String> path, MultiMap query, MultiMap headers, JsonNode body) {
  public String path(String name) {
    String value = path.get(name);
    if (value == null) throw new IllegalArgumentException("the route has no parameter " + name);
    return value;
  }

  /// The first value of a parameter of the query.
  public Optional<String> query(String name) {
    return Optional.ofNullable(query.get(name));
  }

  public Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name));
  }
}
