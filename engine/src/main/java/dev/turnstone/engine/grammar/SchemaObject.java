package dev.turnstone.engine.grammar;

import static dev.turnstone.engine.grammar.SchemaWords.refused;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What a schema of objects says about names: which are listed, required, or needed beside others,
/// and what further ones may look like.
final class SchemaObject {
  private static final String PATTERNS = "patternProperties";

  private final JsonNode schema;
  private final String path;
  private final Set<String> required = new LinkedHashSet<>();
  private final Map<String, List<String>> dependencies = new LinkedHashMap<>();
  private final Optional<Part> allowed;
  private final Optional<Part> pattern;

  /// @throws IllegalArgumentException if names or patterns are combined in a way no mask can keep
  SchemaObject(JsonNode schema, String path) {
    this.schema = schema;
    this.path = path;
    for (JsonNode name : schema.path("required")) required.add(name.asText());
    for (var entry : schema.path("dependentRequired").properties()) {
      List<String> needed = new ArrayList<>();
      entry.getValue().forEach(name -> needed.add(name.asText()));
      dependencies.put(entry.getKey(), needed);
    }
    this.allowed = schema.has("propertyNames") ? Optional.of(names()) : Optional.empty();
    this.pattern = schema.has(PATTERNS) ? Optional.of(patterned()) : Optional.empty();
  }

  /// `propertyNames`, as a schema of strings.
  private Part names() {
    JsonNode names = schema.path("propertyNames");
    if (!names.isObject()) throw refused(path, "has propertyNames " + JsonLiteral.shortened(names));
    ObjectNode strings = names.deepCopy();
    SchemaWords.check(strings, path + "/propertyNames");
    for (String word : (Iterable<String>) names::fieldNames)
      if (!Set.of(
              "type",
              "pattern",
              "minLength",
              "maxLength",
              "format",
              "enum",
              "const",
              "title",
              "description")
          .contains(word))
        throw refused(path, "has propertyNames with %s, which is not supported".formatted(word));
    List<Part> constants = new ArrayList<>();
    List<JsonNode> listed = new ArrayList<>();
    names.path("enum").forEach(listed::add);
    if (names.has("const")) listed.add(names.path("const"));
    // What is no string is no name.
    for (JsonNode name : listed)
      if (name.isTextual()) constants.add(JsonText.quoted(NameText.of(name.asText())));
    if (constants.isEmpty() && !listed.isEmpty())
      throw refused(path, "has propertyNames that no name matches, which is not supported");
    strings.remove(List.of("enum", "const"));
    // Names have one way of writing, so any string is one without unnecessary escapes.
    strings.putIfAbsent("minLength", JsonNodeFactory.instance.numberNode(0));
    strings.putIfAbsent("pattern", JsonNodeFactory.instance.textNode(""));
    Part said = StringText.of(strings, path + "/propertyNames");
    return constants.isEmpty() ? said : Product.both(Part.oneOf(constants), said);
  }

  /// The names of `patternProperties`, of which there may be one pattern, and no others.
  private Part patterned() {
    JsonNode patterns = schema.path(PATTERNS);
    if (patterns.size() != 1)
      throw refused(path, "has %d patternProperties; one is supported".formatted(patterns.size()));
    JsonNode additional = schema.path("additionalProperties");
    if (!additional.equals(JsonLiteral.FALSE))
      throw refused(
          path,
          "has patternProperties without additionalProperties: false, which is not supported");
    return StringText.pattern(patterns.fieldNames().next());
  }

  Set<String> required() {
    return required;
  }

  /// Names that are needed beside a name.
  Map<String, List<String>> dependencies() {
    return dependencies;
  }

  /// All names that the schema lists somewhere.
  ///
  /// @param open whether there may be others
  Set<String> named(boolean open) {
    Set<String> names = new LinkedHashSet<>();
    schema.path("properties").fieldNames().forEachRemaining(names::add);
    List<String> further = new ArrayList<>(required);
    dependencies.forEach((name, needed) -> {
      further.add(name);
      further.addAll(needed);
    });
    for (String name : further) {
      boolean listed = names.contains(name) || (open && matches(name));
      if (!listed && required.contains(name))
        throw refused(path, "requires " + name + ", which it does not allow");
      names.add(name);
    }
    return names;
  }

  private boolean matches(String name) {
    return pattern.isEmpty() || new Grammar(pattern.get()).accepts(written(name));
  }

  /// Whether `propertyNames` lets the name be.
  boolean allowsName(String name) {
    if (allowed.isPresent() && !new Grammar(allowed.get()).accepts(written(name))) return false;
    return schema.path("properties").has(name) || matches(name);
  }

  private static String written(String name) {
    return JsonLiteral.write(JsonNodeFactory.instance.textNode(name));
  }

  /// The schema of a listed property, with that of the pattern that its name matches too.
  JsonNode withPatterns(String name, JsonNode said, SchemaMerge merge) {
    if (pattern.isEmpty() || !matches(name)) return said;
    JsonNode also = schema.path(PATTERNS).elements().next();
    return said.isMissingNode() ? also : merge.both(said, also, path + "/properties/" + name);
  }

  /// Names that are not listed, in quotes.
  Part otherNames(Set<String> listed) {
    Part names = new OtherNames(List.copyOf(listed)).part();
    if (pattern.isPresent()) names = Product.both(names, pattern.get());
    return allowed.isPresent() ? Product.both(names, allowed.get()) : names;
  }
}
