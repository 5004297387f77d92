package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Constraints in the fields of engines: a JSON Schema as it is, everything that a regular
/// expression can say as one, and the rest as a [StructuralTag].
final class Constrained {
  private static final String SPECIAL = "\\^$.|?*+()[]{}/-";

  private Constrained() {}

  /// A field and its value.
  private record Field(String name, String value) {}

  private static Field field(Constraint constraint, String json) {
    if (constraint instanceof Constraint.Schema(var schema))
      return new Field(json, json(schema).toString());
    return pattern(constraint)
        .map(regex -> new Field("regex", regex))
        .orElseGet(() -> new Field("structural_tag", StructuralTag.of(constraint)));
  }

  /// A schema's tree.
  ///
  /// @throws IllegalArgumentException if it is no JSON
  static JsonNode json(Json schema) {
    try {
      return EngineHttp.JSON.readTree(schema.text());
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("the schema is no JSON: " + schema.text(), e);
    }
  }

  private static Optional<String> pattern(Constraint constraint) {
    return switch (constraint) {
      case Constraint.Literal(String text) -> Optional.of(quoted(text));
      case Constraint.Regex(String pattern) -> Optional.of("(" + pattern + ")");
      case Constraint.Concat(List<Constraint> parts) ->
          patterns(parts).map(all -> String.join("", all));
      case Constraint.OneOf(List<Constraint> choices) ->
          patterns(choices).map(all -> "(" + String.join("|", all) + ")");
      // What is repeated tens of times makes an expression that engines do not compile in time.
      case Constraint.Repeat _, Constraint.Schema _, Constraint.Tag _, Constraint.Until _ ->
          Optional.empty();
    };
  }

  private static Optional<List<String>> patterns(List<Constraint> parts) {
    List<String> all = new ArrayList<>();
    for (Constraint part : parts) {
      Optional<String> one = pattern(part);
      if (one.isEmpty()) return Optional.empty();
      all.add(one.get());
    }
    return Optional.of(all);
  }

  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder();
    text.codePoints()
        .forEach(point -> {
          if (SPECIAL.indexOf(point) >= 0) quoted.append('\\');
          switch (point) {
            case '\n' -> quoted.append("\\n");
            case '\r' -> quoted.append("\\r");
            case '\t' -> quoted.append("\\t");
            default -> quoted.appendCodePoint(point);
          }
        });
    return quoted.toString();
  }

  /// vLLM's `structured_outputs`.
  static void vllm(ObjectNode params, Constraint constraint) {
    Field field = field(constraint, "json");
    params.putObject("structured_outputs").put(field.name(), field.value());
  }

  /// SGLang's `json_schema`, `regex` and `structural_tag`.
  static void sglang(ObjectNode params, Constraint constraint) {
    Field field = field(constraint, "json_schema");
    params.put(field.name(), field.value());
  }
}
