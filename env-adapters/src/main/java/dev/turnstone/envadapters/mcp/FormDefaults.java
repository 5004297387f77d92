package dev.turnstone.envadapters.mcp;

import io.modelcontextprotocol.json.TypeRef;
import io.modelcontextprotocol.spec.McpSchema.ElicitResult;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The answer to a server that asks the user something: nobody is there, so a form is filled with
/// its own defaults, and declined if they do not suffice.
final class FormDefaults {
  private FormDefaults() {}

  static ElicitResult answer(Object params) {
    Map<String, Object> asked = map(params);
    Map<String, Object> schema = map(asked.getOrDefault("requestedSchema", Map.of()));
    Map<String, Object> content = new LinkedHashMap<>();
    map(schema.getOrDefault("properties", Map.of()))
        .forEach((name, property) -> {
          Object value = map(property).get("default");
          if (value != null) content.put(name, value);
        });
    boolean url = "url".equals(asked.get("mode"));
    boolean enough =
        schema.getOrDefault("required", List.of()) instanceof List<?> required
            && content.keySet().containsAll(required);
    return url || !enough
        ? ElicitResult.builder(ElicitResult.Action.DECLINE).build()
        : ElicitResult.builder(ElicitResult.Action.ACCEPT).content(content).build();
  }

  private static Map<String, Object> map(Object value) {
    return value instanceof Map<?, ?>
        ? McpMessages.JSON.convertValue(value, new TypeRef<Map<String, Object>>() {})
        : Map.of();
  }
}
