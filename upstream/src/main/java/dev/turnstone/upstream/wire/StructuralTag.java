package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Constraint;
import java.util.List;

/// A constraint as a structural tag, the grammar that both vLLM and SGLang hand to XGrammar: every
/// constraint has one. A special token may be written as such or letter by letter, because XGrammar
/// compares the text of tokens.
final class StructuralTag {
  /// Enough for a line break and its indentation, and no text of white space goes on for ever.
  private static final int WHITE_SPACE = 16;

  private StructuralTag() {}

  /// The tag's JSON.
  ///
  /// @throws IllegalArgumentException if a schema in it is no JSON
  static String of(Constraint constraint) {
    ObjectNode tag = EngineHttp.JSON.createObjectNode().put("type", "structural_tag");
    tag.set("format", format(constraint));
    return tag.toString();
  }

  private static ObjectNode format(Constraint constraint) {
    return switch (constraint) {
      case Constraint.Literal(String text) -> text(text);
      case Constraint.Tag(String text) -> text(text);
      case Constraint.Regex(String pattern) -> of("regex").put("pattern", pattern);
      case Constraint.Schema(var schema) ->
          of("json_schema")
              .put("max_whitespace_cnt", WHITE_SPACE)
              .set("json_schema", Constrained.json(schema));
      case Constraint.Until(String marker) -> until(marker);
      case Constraint.Concat(List<Constraint> parts) -> elements("sequence", parts);
      case Constraint.OneOf(List<Constraint> choices) -> elements("or", choices);
      case Constraint.Repeat(Constraint part, int min, int max) ->
          of("repeat").put("min", min).put("max", max).set("content", format(part));
    };
  }

  private static ObjectNode of(String type) {
    return EngineHttp.JSON.createObjectNode().put("type", type);
  }

  private static ObjectNode text(String text) {
    return of("const_string").put("value", text);
  }

  private static ObjectNode until(String marker) {
    ObjectNode tag = of("tag").put("begin", "");
    tag.set("content", of("any_text"));
    return tag.put("end", marker);
  }

  private static ObjectNode elements(String type, List<Constraint> parts) {
    if (parts.isEmpty()) return text("");
    ObjectNode node = of(type);
    ArrayNode elements = node.putArray("elements");
    for (Constraint part : parts) elements.add(format(part));
    return node;
  }
}
