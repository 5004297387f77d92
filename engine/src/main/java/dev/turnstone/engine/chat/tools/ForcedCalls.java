package dev.turnstone.engine.chat.tools;

import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Constraint.Concat;
import dev.turnstone.rollout.Constraint.Literal;
import dev.turnstone.rollout.Constraint.OneOf;
import dev.turnstone.rollout.Constraint.Repeat;
import dev.turnstone.rollout.Constraint.Schema;
import dev.turnstone.rollout.Constraint.Tag;
import dev.turnstone.rollout.ToolSpec;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// Turns that are nothing but tool calls, as a policy's own format writes them, so that they are
/// read like calls it made of its own accord. The arguments are what the tool's schema accepts.
final class ForcedCalls {
  /// Calls of one turn.
  private static final int MOST_CALLS = 64;

  private static final Constraint NOTHING = new Literal("");
  private static final Constraint LINE = new Literal("\n");
  private static final Constraint MAYBE_LINE = new OneOf(List.of(NOTHING, LINE));

  private static final TaggedArguments CODER =
      new TaggedArguments("<parameter=", ">\n", "\n", "</parameter>", "\n");
  private static final TaggedArguments GLM =
      new TaggedArguments("<arg_key>", "</arg_key>\n<arg_value>", "", "</arg_value>", "\n");
  private static final TaggedArguments GLM_IN_ONE_LINE =
      new TaggedArguments("<arg_key>", "</arg_key><arg_value>", "", "</arg_value>", "");

  private final List<ToolSpec> tools;
  private final boolean several;

  private ForcedCalls(List<ToolSpec> tools, boolean several) {
    this.tools = tools;
    this.several = several;
  }

  /// What a turn must be that only calls.
  ///
  /// @param several whether a turn may have more than one call
  /// @return empty if no calls are read in the format
  /// @throws IllegalArgumentException if a tool has what the format cannot write exactly
  static Optional<Constraint> of(ToolFormat format, List<ToolSpec> tools, boolean several) {
    ForcedCalls forced = new ForcedCalls(tools, several);
    return switch (format.name()) {
      case "hermes" -> Optional.of(forced.calls(NOTHING, ForcedCalls::hermes, LINE, NOTHING));
      case "llama3_json" ->
          Optional.of(
              forced.calls(NOTHING, tool -> named(tool, "parameters"), new Literal("; "), NOTHING));
      case "qwen3_coder" -> Optional.of(forced.calls(NOTHING, ForcedCalls::coder, LINE, NOTHING));
      case "pythonic" ->
          Optional.of(
              forced.calls(
                  new Literal("["), ForcedCalls::python, new Literal(", "), new Literal("]")));
      case "mistral" -> Optional.of(forced.mistral());
      case "deepseek_v3" ->
          Optional.of(
              forced.calls(
                  new Tag("<｜tool▁calls▁begin｜>"),
                  ForcedCalls::deepseek,
                  LINE,
                  new Tag("<｜tool▁calls▁end｜>")));
      case "deepseek_v31" ->
          Optional.of(
              forced.calls(
                  new Tag("<｜tool▁calls▁begin｜>"),
                  ForcedCalls::deepseekWithoutFence,
                  NOTHING,
                  new Tag("<｜tool▁calls▁end｜>")));
      case "glm45" -> Optional.of(forced.calls(NOTHING, ForcedCalls::glm, MAYBE_LINE, NOTHING));
      case "kimi_k2" ->
          Optional.of(
              forced.calls(
                  new Tag("<|tool_calls_section_begin|>"),
                  ForcedCalls::kimi,
                  NOTHING,
                  new Tag("<|tool_calls_section_end|>")));
      default -> Optional.empty();
    };
  }

  /// At least one call of any of the tools.
  private Constraint calls(
      Constraint before,
      Function<ToolSpec, Constraint> write,
      Constraint separator,
      Constraint after) {
    Constraint call = new OneOf(tools.stream().map(write).toList());
    if (!several) return all(before, call, after);
    return all(before, call, new Repeat(all(separator, call), 0, MOST_CALLS - 1), after);
  }

  private static Constraint all(Constraint... parts) {
    return new Concat(List.of(parts));
  }

  /// `{"name": …, "arguments": {…}}`.
  private static Constraint named(ToolSpec tool, String arguments) {
    String name = tool.name().replace("\\", "\\\\").replace("\"", "\\\"");
    return all(
        new Literal("{\"name\": \"%s\", \"%s\":".formatted(name, arguments)),
        new Schema(tool.parameters()),
        new Literal("}"));
  }

  private static Constraint hermes(ToolSpec tool) {
    return all(
        new Tag("<tool_call>"), LINE, named(tool, "arguments"), LINE, new Tag("</tool_call>"));
  }

  private static Constraint coder(ToolSpec tool) {
    return all(
        new Tag("<tool_call>"),
        new Literal("\n<function=%s>\n".formatted(name(tool))),
        CODER.of(tool),
        new Literal("</function>\n"),
        new Tag("</tool_call>"));
  }

  private static Constraint python(ToolSpec tool) {
    return all(new Literal(name(tool) + "("), PythonArguments.of(tool), new Literal(")"));
  }

  /// A list of objects, or from v11 on a tag for each call.
  private Constraint mistral() {
    Constraint tag = new Tag("[TOOL_CALLS]");
    Constraint list =
        calls(
            all(tag, new OneOf(List.of(new Literal(" ["), new Literal("[")))),
            tool -> named(tool, "arguments"),
            new Literal(", "),
            new Literal("]"));
    Constraint arguments = new OneOf(List.of(new Tag("[ARGS]"), NOTHING));
    Constraint each =
        calls(
            NOTHING,
            tool -> all(tag, new Literal(name(tool)), arguments, new Schema(tool.parameters())),
            NOTHING,
            NOTHING);
    return new OneOf(List.of(list, each));
  }

  private static Constraint deepseek(ToolSpec tool) {
    return all(
        new Tag("<｜tool▁call▁begin｜>"),
        new Literal("function"),
        new Tag("<｜tool▁sep｜>"),
        new Literal(name(tool) + "\n```json\n"),
        new Schema(tool.parameters()),
        new Literal("\n```"),
        new Tag("<｜tool▁call▁end｜>"));
  }

  private static Constraint deepseekWithoutFence(ToolSpec tool) {
    return all(
        new Tag("<｜tool▁call▁begin｜>"),
        new Literal(name(tool)),
        new Tag("<｜tool▁sep｜>"),
        new Schema(tool.parameters()),
        new Tag("<｜tool▁call▁end｜>"));
  }

  /// Versions 4.5 and 4.7 differ in line breaks.
  private static Constraint glm(ToolSpec tool) {
    return all(
        new Tag("<tool_call>"),
        new Literal(name(tool)),
        new OneOf(List.of(all(LINE, GLM.of(tool)), GLM_IN_ONE_LINE.of(tool))),
        new Tag("</tool_call>"));
  }

  /// The number of a call is the policy's own to count.
  private static Constraint kimi(ToolSpec tool) {
    return all(
        new Tag("<|tool_call_begin|>"),
        new Literal("functions.%s:".formatted(name(tool))),
        new Constraint.Regex("(0|[1-9]\\d{0,3})"),
        new Tag("<|tool_call_argument_begin|>"),
        new Schema(tool.parameters()),
        new Tag("<|tool_call_end|>"));
  }

  /// A name that stands between marks without quotes.
  private static String name(ToolSpec tool) {
    if (!tool.name().matches(ToolFormats.NAME))
      throw new IllegalArgumentException(
          "the tool %s has a name that the policy's tool format cannot write"
              .formatted(tool.name()));
    return tool.name();
  }
}
