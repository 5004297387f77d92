package dev.turnstone.envadapters.tools;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.JsonText;

/// The least arguments that a simple schema takes: its required properties with their defaults,
/// first choices, or plain values. For trying a tool out.
public final class SampleArguments {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private SampleArguments() {}

  public static ObjectNode of(JsonNode schema) {
    ObjectNode arguments = JsonText.object();
    for (JsonNode name : schema.path("required"))
      arguments.set(name.asText(), value(schema.path("properties").path(name.asText())));
    return arguments;
  }

  private static JsonNode value(JsonNode schema) {
    if (schema.has("default")) return schema.get("default");
    if (schema.has("const")) return schema.get("const");
    if (schema.path("enum").isArray() && !schema.path("enum").isEmpty())
      return schema.path("enum").get(0);
    JsonNode type = schema.path("type");
    return switch (type.isArray() ? type.path(0).asText() : type.asText()) {
      case "integer", "number" -> JSON.numberNode(schema.path("minimum").asInt(1));
      case "boolean" -> JSON.booleanNode(true);
      case "array" -> JSON.arrayNode();
      case "object" -> of(schema);
      case "null" -> JSON.nullNode();
      default -> JSON.textNode("x".repeat(schema.path("minLength").asInt(1)));
    };
  }
}
