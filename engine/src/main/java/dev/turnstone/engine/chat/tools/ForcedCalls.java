package dev.turnstone.engine.chat.tools;

import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.ToolSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Turns that are nothing but tool calls, as a policy's own format writes them, so that they are
/// read like calls it made of its own accord. The arguments are what the tool's schema accepts.
final class ForcedCalls {
  /// Calls of one turn.
  private static final int MOST_CALLS = 64;

  private ForcedCalls() {}

  /// What a turn must be that only calls.
  ///
  /// @param several whether a turn may have more than one call
  /// @return empty if the format is not one whose calls are JSON objects with a name
  static Optional<Constraint> of(ToolFormat format, List<ToolSpec> tools, boolean several) {
    return switch (format.name()) {
      case "hermes" ->
          Optional.of(calls(tools, several, "<tool_call>\n", "arguments", "\n</tool_call>", "\n"));
      case "llama3_json" -> Optional.of(calls(tools, several, "", "parameters", "", "; "));
      default -> Optional.empty();
    };
  }

  private static Constraint calls(
      List<ToolSpec> tools,
      boolean several,
      String before,
      String arguments,
      String after,
      String separator) {
    List<Constraint> one = new ArrayList<>();
    for (ToolSpec tool : tools)
      one.add(
          new Constraint.Concat(
              List.of(
                  new Constraint.Literal(
                      "%s{\"name\": \"%s\", \"%s\":"
                          .formatted(before, escaped(tool.name()), arguments)),
                  new Constraint.Schema(tool.parameters()),
                  new Constraint.Literal("}" + after))));
    Constraint call = new Constraint.OneOf(one);
    if (!several) return call;
    Constraint next = new Constraint.Concat(List.of(new Constraint.Literal(separator), call));
    return new Constraint.Concat(List.of(call, new Constraint.Repeat(next, 0, MOST_CALLS - 1)));
  }

  private static String escaped(String name) {
    return name.replace("\\", "\\\\").replace("\"", "\\\"");
  }
}
