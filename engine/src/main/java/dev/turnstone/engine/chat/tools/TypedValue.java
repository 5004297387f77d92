package dev.turnstone.engine.chat.tools;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.turnstone.rollout.ToolSpec;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// What formats without types write, typed by the schema of the tool.
///
/// A value that does not fit its type stays text, so that whoever checks the arguments can say so.
final class TypedValue {
  private static final ObjectMapper JSON = new ObjectMapper();

  /// References in a row, and choices within each other.
  private static final int MOST_REFERENCES = 16;

  private TypedValue() {}

  /// The schema of a tool's arguments; missing if the tool is unknown.
  static JsonNode schema(List<ToolSpec> tools, String tool) {
    for (ToolSpec offered : tools) {
      if (!offered.name().equals(tool)) continue;
      try {
        return JSON.readTree(offered.parameters().text());
      } catch (JsonProcessingException _) {
        return MissingNode.getInstance(); // the chat template refuses such a tool
      }
    }
    return MissingNode.getInstance();
  }

  /// The value of one argument as JSON.
  ///
  /// @param schema of all arguments of its tool
  static String json(JsonNode schema, String name, String raw) {
    String value = raw.strip();
    for (String type : types(schema, schema.path("properties").path(name)))
      switch (type) {
        case "null" -> {
          if (value.equals("null") || value.equals("None")) return "null";
        }
        case "boolean" -> {
          if (value.equalsIgnoreCase("true")) return "true";
          if (value.equalsIgnoreCase("false")) return "false";
        }
        case "integer" -> {
          if (value.matches("[+-]?\\d+") && CallJson.isValue(value)) return value;
        }
        case "number" -> {
          if (value.matches("[+-]?[\\d.].*") && CallJson.isValue(value)) return value;
        }
        case "object", "array" -> {
          boolean opens = value.startsWith(type.equals("object") ? "{" : "[");
          if (opens && CallJson.isValue(value)) return value;
          if (opens) return literal(value, raw);
        }
        default -> {}
      }
    return ArgumentText.quote(raw);
  }

  /// Some policies write lists and dictionaries as Python does.
  private static String literal(String value, String raw) {
    Cursor cursor = new Cursor(value, 0);
    try {
      String json = PythonLiteral.read(cursor);
      if (cursor.atEnd()) return json;
    } catch (Unreadable _) {
      // stays text
    }
    return ArgumentText.quote(raw);
  }

  /// Whether a value of the type would be written with brackets.
  static boolean isContainer(JsonNode schema, String name) {
    Set<String> types = types(schema, schema.path("properties").path(name));
    return types.contains("object") || types.contains("array");
  }

  /// A schema without a reference at its top, as far as references lead into `root`.
  static JsonNode resolved(JsonNode root, JsonNode schema) {
    JsonNode at = schema;
    for (int i = 0; i < MOST_REFERENCES && at.path("$ref").asText().startsWith("#/"); i++)
      at = root.at(at.path("$ref").asText().substring(1));
    return at;
  }

  /// The types that a value may have; none if the schema does not say.
  static Set<String> types(JsonNode root, JsonNode referring) {
    return types(root, referring, 0);
  }

  private static Set<String> types(JsonNode root, JsonNode referring, int depth) {
    Set<String> types = new LinkedHashSet<>();
    if (depth > MOST_REFERENCES) return types;
    JsonNode schema = resolved(root, referring);
    JsonNode type = schema.path("type");
    if (type.isTextual()) types.add(type.textValue());
    type.forEach(one -> types.add(one.asText()));
    for (String choice : List.of("anyOf", "oneOf", "allOf"))
      schema.path(choice).forEach(one -> types.addAll(types(root, one, depth + 1)));
    return types;
  }
}
