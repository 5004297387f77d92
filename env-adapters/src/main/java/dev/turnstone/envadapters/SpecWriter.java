package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/// Writes a registration as JSON with every default in it. The inverse of [SpecReader].
final class SpecWriter {
  private SpecWriter() {}

  static ObjectNode environment(EnvironmentSpec spec) {
    ObjectNode json = JsonText.object().put("environment", spec.environment());
    ArrayNode tools = json.putArray("tools");
    spec.tools().forEach(tool -> tool(tools.addObject(), tool));
    ArrayNode rewards = json.putArray("rewards");
    spec.rewards().forEach(reward -> reward(rewards.addObject(), reward));
    return json;
  }

  private static void tool(ObjectNode json, ToolEntry entry) {
    json.put("kind", entry instanceof ToolEntry.Sandbox ? "sandbox" : "http")
        .put("name", entry.name())
        .put("description", entry.description());
    endpoint(json, entry.endpoint());
    json.put("max_output_chars", entry.maxOutputChars());
    switch (entry) {
      case ToolEntry.Sandbox tool ->
          json.put("language", tool.language())
              .put("argument", tool.argument())
              .put("memory_limit_mb", tool.memoryLimitMb());
      case ToolEntry.Http tool -> {
        json.put("method", tool.method().name());
        json.set("parameters", JsonText.readOwn(tool.parameters()));
        json.put("idempotent", tool.idempotent()).put("on_timeout", tool.onTimeout().wire());
      }
    }
  }

  private static void reward(ObjectNode json, RewardEntry entry) {
    String kind =
        switch (entry) {
          case RewardEntry.ExactMatch _ -> "exact_match";
          case RewardEntry.Numeric _ -> "numeric";
          case RewardEntry.Http _ -> "http";
        };
    json.put("kind", kind).put("name", entry.name()).put("weight", entry.weight());
    switch (entry) {
      case RewardEntry.ExactMatch part ->
          json.put("field", part.field()).put("normalize", part.normalize().wire());
      case RewardEntry.Numeric part ->
          json.put("field", part.field())
              .put("abs_tolerance", part.absTolerance())
              .put("rel_tolerance", part.relTolerance());
      case RewardEntry.Http part -> {
        endpoint(json, part.endpoint());
        json.put("idempotent", part.idempotent());
      }
    }
  }

  private static void endpoint(ObjectNode json, Endpoint endpoint) {
    json.put("url", endpoint.url());
    if (!endpoint.headers().isEmpty()) {
      ObjectNode headers = json.putObject("headers");
      endpoint
          .headers()
          .forEach((name, value) -> {
            switch (value) {
              case HeaderValue.Plain(String text) -> headers.put(name, text);
              case HeaderValue.Secret(String env, String prefix) -> {
                ObjectNode secret = headers.putObject(name).put("env", env);
                if (!prefix.isEmpty()) secret.put("prefix", prefix);
              }
            }
          });
    }
    json.put("timeout_s", endpoint.timeout().toMillis() / 1000.0);
  }
}
