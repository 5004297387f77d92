package dev.turnstone.server;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;

/// A request as an endpoint sees it: who may call and what the body looks like is already checked.
///
/// @param path values of the path's parameters
/// @param body missing node if the route takes none
record Call(Map<String, String> path, JsonNode body) {
  String path(String name) {
    String value = path.get(name);
    if (value == null) throw new IllegalArgumentException("the route has no parameter " + name);
    return value;
  }
}
