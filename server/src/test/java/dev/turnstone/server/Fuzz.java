package dev.turnstone.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.server.http.Wire;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/// Makes bodies out of the contract's schemas: mostly what they allow, here and there what nobody
/// would send.
final class Fuzz {
  private static final List<String> JUNK =
      List.of(
          "null",
          "true",
          "-1",
          "0",
          "1.5",
          "1e308",
          "9223372036854775807",
          "99999999999999999999",
          "\"\"",
          "\"x\"",
          "\"\\u0000\\ud800\"",
          "[]",
          "[[]]",
          "[null]",
          "[\"a\", 1]",
          "{}",
          "{\"type\": []}",
          "{\"\": {\"\": {}}}");

  private final JsonNode contract;
  private final RandomGenerator random;

  Fuzz(JsonNode contract, RandomGenerator random) {
    this.contract = contract;
    this.random = random;
  }

  /// A value for a schema.
  JsonNode value(JsonNode schema, int depth) {
    if (random.nextInt(12) == 0 || depth > 6) return junk();
    if (schema.has("$ref"))
      return value(contract.at(schema.get("$ref").asText().substring(1)), depth);
    if (schema.has("const")) return schema.get("const");
    if (schema.has("enum")) return one(schema.get("enum"));
    if (schema.has("anyOf")) return value(one(schema.get("anyOf")), depth);
    JsonNode type = schema.path("type");
    return switch (type.isArray() ? one(type).asText() : type.asText("object")) {
      case "object" -> object(schema, depth);
      case "array" -> array(schema, depth);
      case "string" -> Wire.parse(random.nextBoolean() ? "\"hi\"" : "\"call f {\\\"a\\\": 1}\"");
      case "integer" -> number(schema);
      case "number" -> Wire.parse(Double.toString(random.nextInt(20) / 10.0));
      case "boolean" -> Wire.parse(Boolean.toString(random.nextBoolean()));
      default -> Wire.parse("null");
    };
  }

  JsonNode junk() {
    return Wire.parse(JUNK.get(random.nextInt(JUNK.size())));
  }

  private JsonNode one(JsonNode list) {
    return list.get(random.nextInt(list.size()));
  }

  private JsonNode number(JsonNode schema) {
    return Wire.parse(Long.toString(schema.path("minimum").asLong(0) + random.nextInt(5)));
  }

  private ObjectNode object(JsonNode schema, int depth) {
    ObjectNode made = Wire.JSON.createObjectNode();
    for (JsonNode part : schema.path("allOf"))
      if (value(part, depth + 1) instanceof ObjectNode fields) made.setAll(fields);
    List<String> required = new ArrayList<>();
    schema.path("required").forEach(name -> required.add(name.asText()));
    for (var property : schema.path("properties").properties())
      if (required.contains(property.getKey()) ? random.nextInt(20) > 0 : random.nextInt(5) == 0)
        made.set(property.getKey(), value(property.getValue(), depth + 1));
    return made;
  }

  private ArrayNode array(JsonNode schema, int depth) {
    ArrayNode made = Wire.JSON.createArrayNode();
    int count = random.nextInt(3) + schema.path("minItems").asInt(0);
    for (int i = 0; i < count; i++) made.add(value(schema.path("items"), depth + 1));
    return made;
  }
}
