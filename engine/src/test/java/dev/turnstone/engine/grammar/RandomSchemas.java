package dev.turnstone.engine.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.SplittableRandom;

/// Random schemas, and random values near to what they accept.
final class RandomSchemas {
  private static final List<String> NAMES = List.of("a", "b", "ab", "é", "x\ny", "", "😀");
  private static final List<String> WORDS = List.of("", "a", "ab", "red", "é€", "😀\"\\\n", "2024");
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final SplittableRandom random;

  RandomSchemas(long seed) {
    random = new SplittableRandom(seed);
  }

  /// A schema with a definition that it may refer to, itself included.
  ObjectNode schema() {
    ObjectNode root = JSON.objectNode();
    root.setAll(one(3));
    ObjectNode node = root.putObject("$defs").putObject("node");
    node.put("type", "object");
    node.putObject("properties").putObject("next").put("$ref", "#/$defs/node");
    node.withObject("/properties").set("v", one(1));
    return root;
  }

  private boolean chance(double probability) {
    return random.nextDouble() < probability;
  }

  private <T> T any(List<T> list) {
    return list.get(random.nextInt(list.size()));
  }

  private ObjectNode one(int depth) {
    ObjectNode schema = JSON.objectNode();
    switch (random.nextInt(depth > 0 ? 12 : 6)) {
      case 0 -> schema.put("type", any(List.of("null", "boolean", "string", "integer", "number")));
      case 1 -> string(schema.put("type", "string"));
      case 2 -> number(schema.put("type", "integer"));
      case 3 -> number(schema.put("type", "number"));
      case 4 -> {
        ArrayNode values = schema.putArray("enum");
        for (int i = random.nextInt(4); i >= 0; i--) values.add(value(1));
      }
      case 5 -> schema.putArray("type").add("string").add("null");
      case 6, 7, 8 -> object(schema.put("type", "object"), depth);
      case 9 -> array(schema.put("type", "array"), depth);
      case 10 -> {
        ArrayNode branches = schema.putArray("anyOf");
        for (int i = random.nextInt(3); i >= 0; i--) branches.add(one(depth - 1));
      }
      default -> schema.put("$ref", "#/$defs/node");
    }
    return schema;
  }

  private void string(ObjectNode schema) {
    switch (random.nextInt(3)) {
      case 0 -> {
        int min = random.nextInt(3);
        schema.put("minLength", min).put("maxLength", min + random.nextInt(4));
      }
      case 1 ->
          schema.put("pattern", any(List.of("^[a-e]{1,3}$", "r", "^\\d+$|é", "^(ab|\\w\\d)*$")));
      default -> schema.put("format", any(List.of("date", "uuid", "ipv4")));
    }
    if (schema.has("pattern") && chance(0.3)) schema.put("minLength", 1).put("maxLength", 4);
  }

  private void number(ObjectNode schema) {
    int low = random.nextInt(-30, 30);
    if (chance(0.2)) {
      schema.put("multipleOf", any(List.of(3, 7, 1)));
      if (schema.path("type").asText().equals("number") && chance(0.5))
        schema.put("multipleOf", 0.25);
    }
    if (chance(0.7)) schema.put(any(List.of("minimum", "exclusiveMinimum")), low);
    if (chance(0.7))
      schema.put(any(List.of("maximum", "exclusiveMaximum")), low + 2 + random.nextInt(200));
  }

  private void object(ObjectNode schema, int depth) {
    ObjectNode properties = schema.putObject("properties");
    for (int i = random.nextInt(4); i > 0; i--) properties.set(any(NAMES), one(depth - 1));
    ArrayNode required = schema.putArray("required");
    properties
        .fieldNames()
        .forEachRemaining(name -> {
          if (chance(0.5)) required.add(name);
        });
    if (chance(0.5)) schema.put("additionalProperties", false);
    else if (chance(0.3)) schema.set("additionalProperties", one(0));
    if (chance(0.2)) schema.put("maxProperties", required.size() + random.nextInt(2));
    if (chance(0.2)) schema.put("minProperties", 1);
    if (chance(0.15))
      schema.putObject("propertyNames").put("pattern", any(List.of("^[a-e]", "b$")));
    if (chance(0.15) && !properties.isEmpty())
      schema
          .putObject("dependentRequired")
          .putArray(any(NAMES))
          .add(properties.fieldNames().next());
    if (chance(0.1)) schema.putObject("not").putArray("required").add(any(NAMES));
    if (chance(0.15)) {
      schema.put("additionalProperties", false);
      schema.putObject("patternProperties").set(any(List.of("^a", "x|é", "")), one(0));
    }
  }

  private void array(ObjectNode schema, int depth) {
    if (chance(0.8)) schema.set("items", one(depth - 1));
    if (chance(0.3)) schema.putArray("prefixItems").add(one(depth - 1)).add(one(0));
    int min = random.nextInt(3);
    if (chance(0.5)) schema.put("minItems", min);
    if (chance(0.5)) schema.put("maxItems", min + random.nextInt(3));
  }

  /// A value that has something to do with a schema's parts, valid or not.
  JsonNode near(JsonNode schema, JsonNode root, int depth) {
    if (depth == 0 || chance(0.1)) return value(1);
    if (schema.has("$ref")) return near(root.path("$defs").path("node"), root, depth - 1);
    if (schema.has("enum"))
      return schema.path("enum").get(random.nextInt(schema.path("enum").size()));
    if (schema.has("anyOf"))
      return near(
          schema.path("anyOf").get(random.nextInt(schema.path("anyOf").size())), root, depth);
    return switch (schema.path("type").asText()) {
      case "object" -> {
        ObjectNode made = JSON.objectNode();
        schema
            .path("properties")
            .properties()
            .forEach(entry -> {
              if (chance(0.8)) made.set(entry.getKey(), near(entry.getValue(), root, depth - 1));
            });
        if (chance(0.2)) made.set(any(NAMES), value(1));
        yield made;
      }
      case "array" -> {
        ArrayNode made = JSON.arrayNode();
        for (int i = random.nextInt(4); i > 0; i--)
          made.add(near(schema.path("items"), root, depth - 1));
        yield made;
      }
      case "integer" -> JSON.numberNode(random.nextInt(-40, 240));
      case "number" -> quotient(random.nextInt(-400, 2400), 8);
      case "string" ->
          chance(0.7)
              ? JSON.textNode(any(WORDS))
              : JSON.textNode(any(List.of("abc", "2024-02-29", "2023-02-29", "r2d2", "1.2.3.4")));
      default -> value(1);
    };
  }

  /// Integers are written as such: `1.0` is one too, but not how it is usually written.
  private static JsonNode quotient(int dividend, int divisor) {
    return dividend % divisor == 0
        ? JSON.numberNode(dividend / divisor)
        : JSON.numberNode((double) dividend / divisor);
  }

  private JsonNode value(int depth) {
    return switch (random.nextInt(depth > 0 ? 7 : 5)) {
      case 0 -> JSON.nullNode();
      case 1 -> JSON.booleanNode(chance(0.5));
      case 2 -> JSON.numberNode(random.nextInt(-100, 100));
      case 3 -> quotient(random.nextInt(-100, 100), 4);
      case 4 -> JSON.textNode(any(WORDS));
      case 5 -> JSON.arrayNode().add(value(depth - 1));
      default -> {
        ObjectNode made = JSON.objectNode();
        made.set(any(NAMES), value(depth - 1));
        yield made;
      }
    };
  }
}
