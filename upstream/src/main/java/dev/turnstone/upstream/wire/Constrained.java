package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Constraint;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Constraints in the fields of engines: a JSON Schema as it is, and everything that a regular
/// expression can say as one.
final class Constrained {
  private static final String SPECIAL = "\\^$.|?*+()[]{}/-";

  private Constrained() {}

  /// A constraint that engines can be given.
  sealed interface Regular {
    record Schema(String json) implements Regular {}

    record Pattern(String regex) implements Regular {}
  }

  /// Empty if no engine can be given it.
  static Optional<Regular> regular(Constraint constraint) {
    if (constraint instanceof Constraint.Schema(var schema))
      return Optional.of(new Regular.Schema(schema.text()));
    return pattern(constraint).map(Regular.Pattern::new);
  }

  private static Optional<String> pattern(Constraint constraint) {
    return switch (constraint) {
      case Constraint.Literal(String text) -> Optional.of(quoted(text));
      case Constraint.Regex(String pattern) -> Optional.of("(" + pattern + ")");
      case Constraint.Concat(List<Constraint> parts) ->
          patterns(parts).map(all -> String.join("", all));
      case Constraint.OneOf(List<Constraint> choices) ->
          patterns(choices).map(all -> "(" + String.join("|", all) + ")");
      case Constraint.Repeat(Constraint part, int min, int max) ->
          pattern(part).map(one -> "(%s){%d,%d}".formatted(one, min, max));
      case Constraint.Schema _, Constraint.Tag _, Constraint.Until _ -> Optional.empty();
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
    ObjectNode fields = params.putObject("structured_outputs");
    switch (regular(constraint).orElseThrow()) {
      case Regular.Schema(String json) -> fields.put("json", json);
      case Regular.Pattern(String regex) -> fields.put("regex", regex);
    }
  }

  /// SGLang's `json_schema` and `regex`.
  static void sglang(ObjectNode params, Constraint constraint) {
    switch (regular(constraint).orElseThrow()) {
      case Regular.Schema(String json) -> params.put("json_schema", json);
      case Regular.Pattern(String regex) -> params.put("regex", regex);
    }
  }
}
