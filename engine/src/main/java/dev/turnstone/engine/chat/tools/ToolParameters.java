package dev.turnstone.engine.chat.tools;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.StreamSupport;

/// The parameters of a tool one by one, for formats that write them apart from each other, in the
/// order of the schema.
///
/// @param root the tool's schema, which references point into
/// @param each schema of each parameter, references resolved
record ToolParameters(ToolSpec tool, JsonNode root, Map<String, JsonNode> each) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /// What a schema may say for its parameters to be written one by one.
  private static final Set<String> KNOWN =
      Set.of(
          "type",
          "properties",
          "required",
          "additionalProperties",
          "$defs",
          "definitions",
          "$schema",
          "title",
          "description");

  private static final Set<String> OF_STRINGS =
      Set.of("pattern", "format", "minLength", "maxLength");

  /// @throws IllegalArgumentException if the schema says more about the parameters together
  static ToolParameters of(ToolSpec tool) {
    JsonNode root = read(tool);
    for (String word : (Iterable<String>) root::fieldNames)
      if (!KNOWN.contains(word)) throw refused(tool, "has " + word + " beside its properties");
    Map<String, JsonNode> each = new LinkedHashMap<>();
    root.path("properties")
        .properties()
        .forEach(entry -> each.put(entry.getKey(), TypedValue.resolved(root, entry.getValue())));
    for (JsonNode name : root.path("required"))
      each.putIfAbsent(name.asText(), JSON.createObjectNode());
    return new ToolParameters(tool, root, each);
  }

  private static JsonNode read(ToolSpec tool) {
    try {
      return JSON.readTree(tool.parameters().text());
    } catch (JsonProcessingException e) {
      throw refused(tool, "is no JSON");
    }
  }

  /// The schema of one parameter.
  JsonNode schema(String name) {
    return each.getOrDefault(name, JSON.createObjectNode());
  }

  boolean required(String name) {
    for (JsonNode one : root.path("required")) if (one.asText().equals(name)) return true;
    return false;
  }

  /// Constants that a parameter may have; none if it may have others.
  static List<JsonNode> constants(JsonNode schema) {
    if (schema.has("const")) return List.of(schema.path("const"));
    return StreamSupport.stream(schema.path("enum").spliterator(), false).toList();
  }

  /// Whether the parameter is text, and never anything else that is written without quotes.
  boolean isText(String name) {
    JsonNode schema = schema(name);
    Set<String> types = TypedValue.types(root, schema);
    if (!types.contains("string") && !types.isEmpty()) return false;
    for (String word : OF_STRINGS)
      if (schema.has(word))
        throw refused(tool, "has the parameter %s with %s".formatted(name, word));
    List<String> others = new ArrayList<>(types);
    others.removeAll(List.of("string", "null"));
    if (!others.isEmpty())
      throw refused(
          tool, "has the parameter %s that is text or %s".formatted(name, others.getFirst()));
    return true;
  }

  /// The parameter's value as JSON.
  Constraint json(String name) {
    if (!(schema(name).deepCopy() instanceof ObjectNode schema))
      throw refused(tool, "has the parameter %s without a schema".formatted(name));
    for (String shared : List.of("$defs", "definitions"))
      if (root.has(shared)) schema.set(shared, root.get(shared));
    return new Constraint.Schema(new Json(schema.toString()));
  }

  static IllegalArgumentException refused(ToolSpec tool, String what) {
    return new IllegalArgumentException(
        "the schema of the tool %s %s, which a forced call in the policy's tool format cannot keep"
            .formatted(tool.name(), what));
  }
}
