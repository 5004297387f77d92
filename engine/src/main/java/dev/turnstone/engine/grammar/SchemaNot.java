package dev.turnstone.engine.grammar;

import static dev.turnstone.engine.grammar.SchemaWords.refused;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/// `not` as far as it can be said without it: types and properties that may not be.
final class SchemaNot {
  private static final List<String> ALL =
      List.of("null", "boolean", "string", "number", "array", "object");

  private final SchemaMerge merge;

  SchemaNot(SchemaMerge merge) {
    this.merge = merge;
  }

  /// A schema that says the same without `not`.
  JsonNode applied(JsonNode schema, String path) {
    ObjectNode rest = ((ObjectNode) schema).deepCopy();
    JsonNode not = rest.remove("not");
    if (not.isBoolean() || (not.isObject() && !SchemaWords.asserts(not)))
      return not.isBoolean() && !not.booleanValue() ? rest : BooleanNode.FALSE;
    SchemaWords.check(not, path + "/not");
    List<String> words = new ArrayList<>();
    for (String word : (Iterable<String>) not::fieldNames)
      if (SchemaWords.ASSERTIONS.contains(word)) words.add(word);
    if (words.equals(List.of("type"))) return merge.both(rest, types(not), path);
    boolean objects = rest.path("type").asText().equals("object");
    if (words.equals(List.of("required")) && objects && not.path("required").size() == 1)
      return merge.both(rest, absent(not.path("required").get(0).asText()), path);
    throw refused(
        path, "has not with %s, which is not supported".formatted(String.join(" and ", words)));
  }

  private static JsonNode types(JsonNode not) {
    List<String> excluded = SchemaWords.types(not, "not");
    ObjectNode others = SchemaGrammar.emptyObject();
    ArrayNode left = others.putArray("type");
    for (String type : ALL) if (!excluded.contains(type)) left.add(type);
    if (excluded.contains("integer"))
      throw refused("not", "excludes integers, which may be written like other numbers");
    return left.isEmpty() ? BooleanNode.FALSE : others;
  }

  private static JsonNode absent(String name) {
    ObjectNode without = SchemaGrammar.emptyObject();
    without.putObject("properties").put(name, false);
    return without;
  }
}
