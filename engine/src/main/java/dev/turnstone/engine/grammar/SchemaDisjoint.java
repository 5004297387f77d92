package dev.turnstone.engine.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// Whether the branches of a `oneOf` exclude each other. If they do, "exactly one" is "one of", and
/// otherwise the schema is refused: a value that two branches accept must not be written.
final class SchemaDisjoint {
  private static final int MOST_DEPTH = 16;

  private final SchemaMerge.Resolver resolver;

  private SchemaDisjoint(SchemaMerge.Resolver resolver) {
    this.resolver = resolver;
  }

  static void check(JsonNode branches, String path, SchemaMerge.Resolver resolver) {
    SchemaDisjoint disjoint = new SchemaDisjoint(resolver);
    for (int i = 0; i < branches.size(); i++)
      for (int j = 0; j < i; j++)
        if (!disjoint.disjoint(branches.get(j), branches.get(i), path, 0))
          throw SchemaWords.refused(
              path,
              ("has a oneOf whose branches %d and %d may both hold, which is not supported;"
                      + " anyOf is")
                  .formatted(j, i));
  }

  private boolean disjoint(JsonNode first, JsonNode second, String path, int depth) {
    if (depth > MOST_DEPTH) return false;
    JsonNode a = resolved(first, path);
    JsonNode b = resolved(second, path);
    if (!a.isObject() || !b.isObject()) return false;
    List<JsonNode> mine = constants(a);
    List<JsonNode> theirs = constants(b);
    if (!mine.isEmpty() && !theirs.isEmpty()) return mine.stream().noneMatch(theirs::contains);
    Set<String> types = kinds(a, mine, path);
    types.retainAll(kinds(b, theirs, path));
    if (types.isEmpty()) return true;
    return types.equals(Set.of("object")) && told(a, b, path, depth);
  }

  private JsonNode resolved(JsonNode schema, String path) {
    JsonNode at = schema;
    for (int i = 0; i < MOST_DEPTH && at.has("$ref"); i++)
      at = resolver.resolve(at.path("$ref").asText(), path);
    return at;
  }

  private static List<JsonNode> constants(JsonNode schema) {
    List<JsonNode> values = new ArrayList<>();
    if (schema.has("const")) values.add(schema.path("const"));
    else schema.path("enum").forEach(values::add);
    return values;
  }

  private static Set<String> kinds(JsonNode schema, List<JsonNode> constants, String path) {
    Set<String> kinds = new HashSet<>();
    if (constants.isEmpty())
      for (String type : SchemaWords.types(schema, path))
        kinds.add(type.equals("integer") ? "number" : type);
    for (JsonNode value : constants) kinds.add(value.getNodeType().name().toLowerCase(Locale.ROOT));
    return kinds;
  }

  /// Whether a property that both require tells them apart.
  private boolean told(JsonNode a, JsonNode b, String path, int depth) {
    Set<String> required = new HashSet<>();
    a.path("required").forEach(name -> required.add(name.asText()));
    for (JsonNode name : b.path("required")) {
      JsonNode mine = a.path("properties").path(name.asText());
      JsonNode theirs = b.path("properties").path(name.asText());
      if (required.contains(name.asText()) && disjoint(mine, theirs, path, depth + 1)) return true;
    }
    return false;
  }
}
