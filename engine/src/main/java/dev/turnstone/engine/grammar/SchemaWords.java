package dev.turnstone.engine.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// The keywords of JSON Schema that this package knows, and how a schema's values are read.
final class SchemaWords {
  /// They say something to readers and assert nothing.
  private static final Set<String> ANNOTATIONS =
      Set.of(
          "title",
          "description",
          "default",
          "examples",
          "example",
          "deprecated",
          "readOnly",
          "writeOnly",
          "discriminator",
          "strict",
          "contentMediaType",
          "contentEncoding",
          "definitions");

  static final Set<String> ASSERTIONS =
      Set.of(
          "type",
          "enum",
          "const",
          "properties",
          "required",
          "additionalProperties",
          "minProperties",
          "maxProperties",
          "patternProperties",
          "propertyNames",
          "dependentRequired",
          "uniqueItems",
          "multipleOf",
          "not",
          "items",
          "prefixItems",
          "minItems",
          "maxItems",
          "minLength",
          "maxLength",
          "pattern",
          "format",
          "minimum",
          "maximum",
          "exclusiveMinimum",
          "exclusiveMaximum",
          "anyOf",
          "oneOf",
          "allOf",
          "$ref");

  static final List<String> TYPES =
      List.of("null", "boolean", "string", "integer", "number", "array", "object");

  private SchemaWords() {}

  /// Refuses what would otherwise be ignored.
  static void check(JsonNode schema, String path) {
    if (schema.isBoolean()) return;
    if (!schema.isObject())
      throw refused(path, "is no schema but " + JsonLiteral.shortened(schema));
    for (String word : (Iterable<String>) schema::fieldNames) {
      boolean asserts = ASSERTIONS.contains(word);
      boolean known = asserts || ANNOTATIONS.contains(word) || annotates(word);
      if (!known) throw refused(path, "has the keyword " + word + ", not supported");
    }
  }

  private static boolean annotates(String word) {
    if (word.startsWith("x-")) return true;
    return switch (word) {
      case "$schema", "$id", "$defs", "$comment" -> true;
      default -> false;
    };
  }

  static boolean asserts(JsonNode schema) {
    if (schema.isBoolean()) return !schema.booleanValue();
    for (String word : (Iterable<String>) schema::fieldNames)
      if (ASSERTIONS.contains(word)) return true;
    return false;
  }

  /// The types a schema allows; all of them if it does not say.
  static List<String> types(JsonNode schema, String path) {
    JsonNode type = schema.path("type");
    if (type.isMissingNode())
      return List.of("null", "boolean", "string", "number", "array", "object");
    List<String> types = new ArrayList<>();
    for (JsonNode one : type.isArray() ? type : List.of(type)) {
      if (!TYPES.contains(one.asText()))
        throw refused(path, "has the type " + JsonLiteral.shortened(one));
      types.add(one.asText());
    }
    // Every integer is a number.
    if (types.contains("number")) types.remove("integer");
    return types;
  }

  /// A bound such as `maxLength`: an integer that is not negative.
  static int count(JsonNode schema, String word, int otherwise, String path) {
    JsonNode value = schema.path(word);
    if (value.isMissingNode()) return otherwise;
    boolean whole = value.isNumber() && value.doubleValue() == Math.rint(value.doubleValue());
    if (!whole || value.doubleValue() < 0)
      throw refused(path, "has %s %s".formatted(word, JsonLiteral.shortened(value)));
    return (int) Math.min(Integer.MAX_VALUE - 1, value.longValue());
  }

  static void ordered(String path, String low, long least, String high, long most) {
    if (least > most)
      throw refused(path, "has %s %d above %s %d".formatted(low, least, high, most));
  }

  static IllegalArgumentException refused(String path, String what) {
    return new IllegalArgumentException("the schema at %s %s".formatted(path, what));
  }
}
