package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.function.Consumer;

/// A hostile program and what must come of it.
///
/// @param expected asserts on the whole response
record Hostile(String name, ObjectNode request, Consumer<JsonNode> expected) {
  static Hostile python(String name, String code, Consumer<JsonNode> expected) {
    return new Hostile(name, RunningSandbox.request("python", code), expected);
  }

  static Hostile bash(String name, String code, Consumer<JsonNode> expected) {
    return new Hostile(name, RunningSandbox.request("bash", code), expected);
  }

  Hostile within(double seconds) {
    request.put("run_timeout", seconds);
    return this;
  }

  Hostile memory(int megabytes) {
    request.put("memory_limit_MB", megabytes);
    return this;
  }

  Hostile stdin(String text) {
    request.put("stdin", text);
    return this;
  }

  Hostile fetching(String... files) {
    for (String file : files) request.withArray("fetch_files").add(file);
    return this;
  }

  Hostile file(String path, String content) {
    request.withObject("files").put(path, RunningSandbox.base64(content));
    return this;
  }

  @Override
  public String toString() {
    return name;
  }
}
