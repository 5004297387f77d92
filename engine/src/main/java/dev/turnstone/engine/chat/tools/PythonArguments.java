package dev.turnstone.engine.chat.tools;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Constraint.Concat;
import dev.turnstone.rollout.Constraint.Literal;
import dev.turnstone.rollout.Constraint.OneOf;
import dev.turnstone.rollout.ToolSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Arguments as a call in Python has them: strings, numbers and words in Python's spelling, lists
/// and dictionaries in JSON's, which is read the same.
final class PythonArguments {
  private static final Constraint STRING =
      new Constraint.Regex(
          "'([^'\\\\\\u0000-\\u001f]|\\\\[nrt'\"\\\\])*'|\"([^\"\\\\\\u0000-\\u001f]|\\\\[nrt'\"\\\\])*\"");
  private static final Constraint NOTHING = new Literal("");

  private PythonArguments() {}

  static Constraint of(ToolSpec tool) {
    ToolParameters parameters = ToolParameters.of(tool);
    List<String> names = List.copyOf(parameters.each().keySet());
    for (String name : names)
      if (!PythonLiteral.WORD.matcher(name).matches())
        throw ToolParameters.refused(tool, "has the parameter \"%s\"".formatted(name));
    Constraint none = NOTHING;
    Constraint later = NOTHING;
    for (String name : names.reversed()) {
      boolean required = parameters.required(name);
      Constraint argument = new Concat(List.of(new Literal(name + "="), value(parameters, name)));
      Constraint first = new Concat(List.of(argument, later));
      none = required ? first : new OneOf(List.of(first, none));
      Constraint next = new Concat(List.of(new Literal(", "), argument));
      later = new Concat(List.of(required ? next : new OneOf(List.of(next, NOTHING)), later));
    }
    return none;
  }

  private static Constraint value(ToolParameters parameters, String name) {
    JsonNode schema = parameters.schema(name);
    List<JsonNode> constants = ToolParameters.constants(schema);
    if (!constants.isEmpty())
      return new OneOf(constants.stream().<Constraint>map(PythonArguments::literal).toList());
    Set<String> types = TypedValue.types(parameters.root(), schema);
    if (types.isEmpty()) return STRING;
    List<Constraint> ways = new ArrayList<>();
    if (types.contains("string") && parameters.isText(name)) ways.add(STRING);
    if (types.contains("null")) ways.add(new Literal("None"));
    if (types.contains("boolean"))
      ways.add(new OneOf(List.of(new Literal("True"), new Literal("False"))));
    if (types.stream().anyMatch(type -> !Set.of("string", "null", "boolean").contains(type)))
      ways.add(parameters.json(name));
    return new OneOf(ways);
  }

  private static Literal literal(JsonNode value) {
    if (value.isTextual()) return new Literal(ArgumentText.quote(value.textValue()));
    if (value.isBoolean()) return new Literal(value.booleanValue() ? "True" : "False");
    return new Literal(value.isNull() ? "None" : value.toString());
  }
}
