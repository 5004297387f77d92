package dev.turnstone.engine.grammar;

import static dev.turnstone.engine.grammar.SchemaWords.refused;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;

/// One schema that says what several say together.
final class SchemaMerge {
  private static final int MOST_DEPTH = 32;
  private static final String PATTERNS = "patternProperties";

  /// What a reference points to.
  interface Resolver {
    JsonNode resolve(String target, String path);
  }

  private final Resolver resolver;

  SchemaMerge(Resolver resolver) {
    this.resolver = resolver;
  }

  /// A schema with `allOf` as one without.
  JsonNode all(JsonNode schema, String path) {
    ObjectNode rest = ((ObjectNode) schema).deepCopy();
    JsonNode parts = rest.remove("allOf");
    JsonNode merged = rest;
    for (int i = 0; i < parts.size(); i++) {
      SchemaWords.check(parts.get(i), "%s/allOf/%d".formatted(path, i));
      merged = both(merged, parts.get(i), path);
    }
    return merged;
  }

  JsonNode both(JsonNode a, JsonNode b, String path) {
    return both(a, b, path, 0);
  }

  private JsonNode both(JsonNode first, JsonNode second, String path, int depth) {
    if (depth > MOST_DEPTH) throw refused(path, "combines schemas too deeply");
    if (first.isBoolean()) return first.booleanValue() ? second : BooleanNode.FALSE;
    if (second.isBoolean()) return second.booleanValue() ? first : BooleanNode.FALSE;
    ObjectNode a = plain(first, path, depth);
    ObjectNode b = plain(second, path, depth);
    closed(a, b, path);
    ObjectNode merged = a.deepCopy();
    b.properties()
        .forEach(entry -> {
          String word = entry.getKey();
          JsonNode mine = a.path(word);
          merged.set(
              word,
              mine.isMissingNode() || mine.equals(entry.getValue())
                  ? entry.getValue()
                  : word(word, mine, entry.getValue(), path, depth));
        });
    return merged;
  }

  /// Without a reference or `allOf` at the top.
  private ObjectNode plain(JsonNode schema, String path, int depth) {
    JsonNode flat = schema.has("allOf") ? all(schema, path) : schema;
    if (!flat.has("$ref")) return (ObjectNode) flat;
    ObjectNode rest = ((ObjectNode) flat).deepCopy();
    String target = rest.remove("$ref").asText();
    return (ObjectNode) both(resolver.resolve(target, path), rest, path, depth + 1);
  }

  /// `additionalProperties` speaks of the names beside it, so it cannot be carried over.
  private static void closed(ObjectNode a, ObjectNode b, String path) {
    if ((a.has(PATTERNS) && speaksOfProperties(b)) || (b.has(PATTERNS) && speaksOfProperties(a)))
      throw refused(path, "combines patternProperties with properties of another schema");
    boolean names = a.has("properties") && b.has("properties");
    boolean differs = !a.path("properties").equals(b.path("properties"));
    boolean closes = closes(a) || closes(b);
    boolean lacks = a.has("properties") != b.has("properties");
    if (closes && ((names && differs) || (lacks && closesOther(a, b))))
      throw refused(path, "combines additionalProperties with properties of another schema");
  }

  private static boolean speaksOfProperties(JsonNode schema) {
    return schema.has("properties") || schema.has("additionalProperties") || schema.has(PATTERNS);
  }

  private static boolean closes(JsonNode schema) {
    JsonNode value = schema.path("additionalProperties");
    return !value.isMissingNode() && SchemaWords.asserts(value);
  }

  private static boolean closesOther(JsonNode a, JsonNode b) {
    return (closes(a) && b.has("properties")) || (closes(b) && a.has("properties"));
  }

  private JsonNode word(String word, JsonNode a, JsonNode b, String path, int depth) {
    return switch (word) {
      case "type" -> types(a, b, path);
      case "properties" -> properties(a, b, path, depth);
      case "required" -> together(a, b);
      case "enum" -> common(a, b, path);
      case "items", "additionalProperties" -> both(a, b, path + "/" + word, depth + 1);
      case "minimum", "exclusiveMinimum", "minItems", "minLength", "minProperties" ->
          pick(a, b, (x, y) -> x.decimalValue().compareTo(y.decimalValue()) > 0 ? x : y);
      case "maximum", "exclusiveMaximum", "maxItems", "maxLength", "maxProperties" ->
          pick(a, b, (x, y) -> x.decimalValue().compareTo(y.decimalValue()) < 0 ? x : y);
      case "anyOf",
          "oneOf",
          "pattern",
          "format",
          "const",
          "prefixItems",
          "patternProperties",
          "propertyNames",
          "dependentRequired",
          "uniqueItems",
          "multipleOf",
          "not" ->
          throw refused(path, "has %s in two schemas that both hold".formatted(word));
      default -> b; // an annotation
    };
  }

  private static JsonNode pick(JsonNode a, JsonNode b, BinaryOperator<JsonNode> choice) {
    return choice.apply(a, b);
  }

  private static ArrayNode list() {
    return SchemaGrammar.emptyObject().arrayNode();
  }

  private static List<String> names(JsonNode type) {
    List<String> names = new ArrayList<>();
    for (JsonNode one : type.isArray() ? type : List.of(type)) names.add(one.asText());
    return names;
  }

  private static JsonNode types(JsonNode a, JsonNode b, String path) {
    List<String> mine = names(a);
    List<String> theirs = names(b);
    ArrayNode common = list();
    for (String type : mine) if (allows(theirs, type)) common.add(type);
    for (String type : theirs) if (!mine.contains(type) && allows(mine, type)) common.add(type);
    if (common.isEmpty()) throw refused(path, "combines types that no value has");
    return common;
  }

  private static boolean allows(List<String> types, String type) {
    return types.contains(type) || (type.equals("integer") && types.contains("number"));
  }

  private JsonNode properties(JsonNode a, JsonNode b, String path, int depth) {
    ObjectNode merged = a.deepCopy();
    b.properties()
        .forEach(entry -> {
          JsonNode mine = a.path(entry.getKey());
          String where = "%s/properties/%s".formatted(path, entry.getKey());
          merged.set(
              entry.getKey(),
              mine.isMissingNode()
                  ? entry.getValue()
                  : both(mine, entry.getValue(), where, depth + 1));
        });
    return merged;
  }

  private static JsonNode together(JsonNode a, JsonNode b) {
    ArrayNode all = list();
    a.forEach(all::add);
    b.forEach(all::add);
    return all;
  }

  private static JsonNode common(JsonNode a, JsonNode b, String path) {
    ArrayNode both = list();
    for (JsonNode one : a) for (JsonNode other : b) if (one.equals(other)) both.add(one);
    if (both.isEmpty()) throw refused(path, "combines enums without a common value");
    return both;
  }
}
