package dev.turnstone.engine.grammar;

import static dev.turnstone.engine.grammar.SchemaWords.refused;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// JSON values that a JSON Schema (2020-12) accepts, as a part of a grammar.
///
/// Properties may come in any order. What the schema says is kept exactly, within the ways of
/// writing that [JsonText] allows; constants are written compactly, numbers with bounds without
/// exponents, and the names of additional properties without unnecessary escapes. A keyword that is
/// not supported is refused by name and never ignored.
final class SchemaGrammar {
  private static final int MOST_SCHEMAS = 10_000;

  private final JsonNode root;
  private final SchemaMerge merge;
  private final SchemaNot negation;
  private final Map<String, Part> references = new HashMap<>();
  private final Rule anything = new Rule();
  private int schemas;

  private SchemaGrammar(JsonNode root) {
    this.root = root;
    this.merge = new SchemaMerge(this::resolve);
    this.negation = new SchemaNot(merge);
    anything.define(everything());
  }

  /// @throws IllegalArgumentException if the schema is no schema, or says what is not supported
  static Part of(String schema) {
    JsonNode root = JsonLiteral.read(schema);
    SchemaGrammar grammar = new SchemaGrammar(root);
    return Part.sequence(JsonText.GAP, grammar.value(root, "#", Set.of()));
  }

  private Part everything() {
    return Part.oneOf(
        Part.literal("null"),
        Part.literal("true"),
        Part.literal("false"),
        JsonText.STRING,
        JsonText.NUMBER,
        ArrayText.of(List.of(), Optional.of(anything), 0, Integer.MAX_VALUE),
        ObjectText.of(List.of(), anything));
  }

  /// @param open references that led here without a byte between
  Part value(JsonNode schema, String path, Set<String> open) {
    if (++schemas > MOST_SCHEMAS)
      throw refused(path, "is one of more than " + MOST_SCHEMAS + " schemas");
    SchemaWords.check(schema, path);
    if (schema.isBoolean()) return schema.booleanValue() ? anything : Part.IMPOSSIBLE;
    if (!SchemaWords.asserts(schema)) return anything;
    if (schema.has("$ref")) return reference(schema, path, open);
    if (schema.has("allOf")) return value(merge.all(schema, path), path, open);
    if (schema.has("anyOf")) return union(schema, "anyOf", path, open);
    if (schema.has("oneOf")) {
      SchemaDisjoint.check(schema.path("oneOf"), path, this::resolve);
      return union(schema, "oneOf", path, open);
    }
    if (schema.has("not")) return value(negation.applied(schema, path), path, open);
    if (schema.has("const")) return literals(schema, "const", path);
    if (schema.has("enum")) return literals(schema, "enum", path);
    List<Part> ways = new ArrayList<>();
    for (String type : SchemaWords.types(schema, path)) ways.add(typed(type, schema, path));
    return Part.oneOf(ways);
  }

  private Part typed(String type, JsonNode schema, String path) {
    return switch (type) {
      case "null" -> Part.literal("null");
      case "boolean" -> Part.oneOf(Part.literal("true"), Part.literal("false"));
      case "string" -> StringText.of(schema, path);
      case "integer", "number" -> number(schema, type.equals("integer"), path);
      case "array" -> array(schema, path);
      default -> object(schema, path);
    };
  }

  private Part reference(JsonNode schema, String path, Set<String> open) {
    String target = schema.path("$ref").asText();
    if (open.contains(target)) throw refused(path, "refers to itself: " + target);
    Set<String> deeper = new HashSet<>(open);
    deeper.add(target);
    ObjectNode rest = ((ObjectNode) schema).deepCopy();
    rest.remove("$ref");
    if (SchemaWords.asserts(rest))
      return value(merge.both(resolve(target, path), rest, path), path, deeper);
    Part known = references.get(target);
    if (known != null) return known;
    Rule rule = new Rule();
    references.put(target, rule);
    Part part = value(resolve(target, path), target, deeper);
    rule.define(part);
    if (!part.equals(Part.IMPOSSIBLE)) return rule;
    references.put(target, part);
    return part;
  }

  private JsonNode resolve(String target, String path) {
    if (!target.startsWith("#")) throw refused(path, "refers to another document: " + target);
    try {
      JsonNode found = root.at(URLDecoder.decode(target.substring(1), StandardCharsets.UTF_8));
      if (!found.isMissingNode()) return found;
    } catch (IllegalArgumentException _) {
      // No JSON pointer: a name that nothing has.
    }
    throw refused(path, "refers to " + target + ", which is not there");
  }

  private Part union(JsonNode schema, String word, String path, Set<String> open) {
    ObjectNode rest = ((ObjectNode) schema).deepCopy();
    rest.remove(word);
    JsonNode branches = schema.path(word);
    if (!branches.isArray() || branches.isEmpty())
      throw refused(path, "has %s %s".formatted(word, JsonLiteral.shortened(branches)));
    List<Part> ways = new ArrayList<>();
    for (int i = 0; i < branches.size(); i++) {
      String where = "%s/%s/%d".formatted(path, word, i);
      SchemaWords.check(branches.get(i), where);
      JsonNode branch =
          SchemaWords.asserts(rest) ? merge.both(branches.get(i), rest, where) : branches.get(i);
      ways.add(value(branch, where, open));
    }
    return Part.oneOf(ways);
  }

  /// Those constants that the rest of the schema accepts.
  private Part literals(JsonNode schema, String word, String path) {
    List<JsonNode> values = new ArrayList<>();
    if (word.equals("const")) values.add(schema.path(word));
    else if (schema.path(word).isArray()) schema.path(word).forEach(values::add);
    ObjectNode rest = ((ObjectNode) schema).deepCopy();
    rest.remove(word);
    Grammar others = new Grammar(value(rest, path, Set.of()));
    List<Part> ways = new ArrayList<>();
    for (JsonNode value : values)
      if (others.accepts(JsonLiteral.write(value)))
        ways.add(Part.literal(JsonLiteral.write(value)));
    if (ways.isEmpty())
      throw refused(path, "has no value in %s that the rest of it accepts".formatted(word));
    return Part.oneOf(ways);
  }

  private static Part number(JsonNode schema, boolean whole, String path) {
    Optional<NumberRange.Bound> low = bound(schema, "minimum", "exclusiveMinimum", path, 1);
    Optional<NumberRange.Bound> high = bound(schema, "maximum", "exclusiveMaximum", path, -1);
    if (schema.has("multipleOf")) {
      JsonNode step = schema.path("multipleOf");
      if (!step.isNumber()) throw refused(path, "has multipleOf " + JsonLiteral.shortened(step));
      Part numbers =
          low.isEmpty() && high.isEmpty() ? plain(whole) : bounded(low, high, whole, path);
      return Product.both(numbers, Multiples.of(step.decimalValue(), path));
    }
    return low.isEmpty() && high.isEmpty()
        ? whole ? JsonText.INTEGER : JsonText.NUMBER
        : bounded(low, high, whole, path);
  }

  private static Part plain(boolean whole) {
    Part fraction = Part.sequence(Part.literal("."), JsonText.DIGITS);
    return whole ? JsonText.INTEGER : Part.sequence(JsonText.INTEGER, Part.optional(fraction));
  }

  private static Part bounded(
      Optional<NumberRange.Bound> low,
      Optional<NumberRange.Bound> high,
      boolean whole,
      String path) {
    if (low.isPresent() && high.isPresent()) {
      int order = low.get().value().compareTo(high.get().value());
      if (order > 0 || (order == 0 && (low.get().exclusive() || high.get().exclusive())))
        throw refused(path, "has no number between its bounds");
    }
    return NumberRange.of(low, high, whole);
  }

  /// The tighter of two bounds.
  private static Optional<NumberRange.Bound> bound(
      JsonNode schema, String word, String exclusive, String path, int sign) {
    Optional<NumberRange.Bound> tightest = Optional.empty();
    for (String name : List.of(word, exclusive)) {
      JsonNode value = schema.path(name);
      if (value.isMissingNode()) continue;
      if (!value.isNumber())
        throw refused(path, "has %s %s".formatted(name, JsonLiteral.shortened(value)));
      var bound = new NumberRange.Bound(value.decimalValue(), name.equals(exclusive));
      if (Math.abs(bound.value().precision() - bound.value().scale()) > 400)
        throw refused(path, "has %s %s".formatted(name, JsonLiteral.shortened(value)));
      int order = tightest.map(t -> sign * bound.value().compareTo(t.value())).orElse(1);
      if (order > 0 || (order == 0 && bound.exclusive())) tightest = Optional.of(bound);
    }
    return tightest;
  }

  private Part array(JsonNode schema, String path) {
    int min = SchemaWords.count(schema, "minItems", 0, path);
    int max = SchemaWords.count(schema, "maxItems", Integer.MAX_VALUE, path);
    SchemaWords.ordered(path, "minItems", min, "maxItems", max);
    List<Part> first = new ArrayList<>();
    JsonNode prefix = schema.path("prefixItems");
    for (int i = 0; i < prefix.size(); i++) {
      Part item = value(prefix.get(i), "%s/prefixItems/%d".formatted(path, i), Set.of());
      // What can never be an item ends the array before it.
      if (item.equals(Part.IMPOSSIBLE)) max = Math.min(max, i);
      first.add(item);
    }
    JsonNode items = schema.path("items");
    if (items.isArray()) throw refused(path, "has a list as items, which is now prefixItems");
    Part rest = items.isMissingNode() ? anything : value(items, path + "/items", Set.of());
    if (rest.equals(Part.IMPOSSIBLE)) max = Math.min(max, first.size());
    SchemaWords.ordered(path, "minItems", min, "the items it allows:", max);
    if (schema.path("uniqueItems").asBoolean() && max > 1)
      throw refused(
          path, "has uniqueItems, which a mask cannot keep: a text would have to be remembered");
    return ArrayText.of(first, Optional.of(rest).filter(p -> !p.equals(Part.IMPOSSIBLE)), min, max);
  }

  private Part object(JsonNode schema, String path) {
    SchemaObject object = new SchemaObject(schema, path);
    Part others = others(schema, path);
    boolean open = !others.equals(Part.IMPOSSIBLE);
    Set<String> named = object.named(open);
    List<ObjectText.Property> properties = new ArrayList<>();
    for (String name : named) {
      JsonNode said = schema.path("properties").path(name);
      JsonNode merged = object.withPatterns(name, said, merge);
      Part part =
          merged.isMissingNode()
              ? others
              : value(merged, "%s/properties/%s".formatted(path, name), Set.of());
      if (!object.allowsName(name)) part = Part.IMPOSSIBLE;
      boolean required = object.required().contains(name);
      if (part.equals(Part.IMPOSSIBLE) && required)
        throw refused(path, "requires " + name + ", which nothing can be");
      properties.add(new ObjectText.Property(name, required, part));
    }
    int min = SchemaWords.count(schema, "minProperties", 0, path);
    int max = SchemaWords.count(schema, "maxProperties", Integer.MAX_VALUE, path);
    SchemaWords.ordered(path, "minProperties", min, "maxProperties", max);
    SchemaWords.ordered(
        path, "required properties", object.required().size(), "maxProperties", max);
    // Of names that are not listed only one is known to be new.
    Part names = open ? object.otherNames(named) : Part.IMPOSSIBLE;
    open = !names.equals(Part.IMPOSSIBLE);
    long most = properties.stream().filter(p -> !p.value().equals(Part.IMPOSSIBLE)).count();
    if (open) most++;
    SchemaWords.ordered(path, "minProperties", min, "the properties it tells apart:", most);
    return ObjectText.of(
        properties,
        open ? Optional.of(new ObjectText.Others(names, others)) : Optional.empty(),
        object.dependencies(),
        min,
        max);
  }

  /// What properties that are not listed may be.
  private Part others(JsonNode schema, String path) {
    JsonNode additional = schema.path("additionalProperties");
    if (!schema.has("patternProperties"))
      return additional.isMissingNode()
          ? anything
          : value(additional, path + "/additionalProperties", Set.of());
    return value(
        schema.path("patternProperties").elements().next(), path + "/patternProperties", Set.of());
  }

  static ObjectNode emptyObject() {
    return JsonNodeFactory.instance.objectNode();
  }
}
