package dev.turnstone.engine.chat.tools;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Constraint.Concat;
import dev.turnstone.rollout.Constraint.Literal;
import dev.turnstone.rollout.Constraint.OneOf;
import dev.turnstone.rollout.ToolSpec;
import java.util.ArrayList;
import java.util.List;

/// Arguments each between tags of its own, as [Step.Tagged] reads them: text as it is, everything
/// else as JSON.
///
/// @param keyOpen before a parameter's name
/// @param keyClose between name and value
/// @param line before the tag that closes a value which is not text
/// @param close ends a value; text goes on to its first appearance
/// @param after after that tag
record TaggedArguments(String keyOpen, String keyClose, String line, String close, String after) {

  /// The arguments of a tool, those that are not required or left out.
  Constraint of(ToolSpec tool) {
    ToolParameters parameters = ToolParameters.of(tool);
    List<Constraint> all = new ArrayList<>();
    for (String name : parameters.each().keySet()) {
      if (!name.matches("[^<>\\s]+"))
        throw ToolParameters.refused(tool, "has the parameter \"%s\"".formatted(name));
      Constraint argument =
          new Concat(
              List.of(
                  new Literal(keyOpen + name + keyClose),
                  value(parameters, name),
                  new Literal(after)));
      all.add(parameters.required(name) ? argument : new OneOf(List.of(argument, new Literal(""))));
    }
    return new Concat(all);
  }

  private Constraint value(ToolParameters parameters, String name) {
    List<JsonNode> constants = ToolParameters.constants(parameters.schema(name));
    if (!constants.isEmpty()) return constants(parameters, name, constants);
    return parameters.isText(name)
        ? new Constraint.Until(close)
        : new Concat(List.of(parameters.json(name), new Literal(line + close)));
  }

  /// Those that are read back as what they are.
  private Constraint constants(ToolParameters parameters, String name, List<JsonNode> constants) {
    List<Constraint> ways = new ArrayList<>();
    for (JsonNode value : constants) {
      String text = value.isTextual() ? value.textValue() : value.toString();
      boolean same =
          !text.contains(close)
              && text.equals(text.strip())
              && TypedValue.json(parameters.root(), name, text).equals(value.toString());
      if (!same)
        throw ToolParameters.refused(
            parameters.tool(), "has the constant %s of %s".formatted(value, name));
      ways.add(new Literal(text + line + close));
    }
    return new OneOf(ways);
  }
}
