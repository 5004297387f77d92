package dev.turnstone.engine.chat.tools;

import dev.turnstone.engine.chat.tools.Step.Missing;
import dev.turnstone.engine.chat.tools.ToolFormat.CallIds;
import dev.turnstone.engine.chat.tools.ToolFormat.Section;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/// The table of tool-call formats, and which of them a chat template wants.
public final class ToolFormats {
  static final String NAME = "(?<name>[\\p{L}\\p{N}_./-]+)";
  private static final Step JSON = new Step.Json();

  /// Calls are never read: all text is content.
  public static final ToolFormat NONE = new ToolFormat("none", List.of(), CallIds.PLAIN);

  /// Hermes, Qwen2.5, Qwen3: `<tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>`.
  public static final ToolFormat HERMES =
      format(
          "hermes",
          each("<tool_call>", text("<tool_call>"), object("arguments"), end("</tool_call>")));

  /// `<tool_call>\n<function=f>\n<parameter=k>\nv\n</parameter>\n</function>\n</tool_call>`, of
  /// which the outer tags may be missing.
  static final ToolFormat QWEN3_CODER =
      format("qwen3_coder", function("<tool_call>"), function("<function="));

  /// Llama 3 and 4: `{"name": …, "parameters": {…}}`, several separated by `; `.
  static final ToolFormat LLAMA3_JSON =
      format(
          "llama3_json",
          each("<|python_tag|>", text("<|python_tag|>"), object("parameters", "arguments")),
          each(
              Opening.anywhere("{", "\\s*\"(?:name|type|parameters|arguments)\"\\s*:"),
              new Step.NamedJson(Set.of("parameters", "arguments"), true)));

  /// Llama 3.2 and 4, ToolACE, OLMo 3: the whole turn is `[f(k='v'), g()]`.
  static final ToolFormat PYTHONIC =
      format(
          "pythonic",
          list(Opening.atStart("[", "\\s*" + NAME + "\\s*\\("), List.of(text("["))),
          list(
              Opening.atStart("<|python_start|>", ""),
              List.of(text("<|python_start|>"), text("["))));

  /// `[TOOL_CALLS] [{"name": …, "arguments": {…}}]`, or from v11 on `[TOOL_CALLS]f[ARGS]{…}` once
  /// per call, of which v11 itself leaves `[ARGS]` out.
  static final ToolFormat MISTRAL =
      new ToolFormat(
          "mistral",
          List.of(
              new Section(
                  Opening.anywhere("[TOOL_CALLS]", "\\s*\\["),
                  List.of(text("[TOOL_CALLS]"), text("[")),
                  List.of(object("arguments")),
                  ",",
                  List.of(end("]"))),
              each(
                  "[TOOL_CALLS]",
                  text("[TOOL_CALLS]"),
                  new Step.Name(
                      Pattern.compile(NAME + "(?:\\[CALL_ID](?<id>\\w+))?(?:\\[ARGS])?"), true),
                  JSON)),
          CallIds.NINE);

  /// DeepSeek V3 and R1: the name after `function`, the arguments in a fence.
  static final ToolFormat DEEPSEEK_V3 =
      format(
          "deepseek_v3",
          section(
              "<｜tool▁calls▁begin｜>",
              List.of(
                  text("<｜tool▁call▁begin｜>"),
                  text("function"),
                  text("<｜tool▁sep｜>"),
                  name(NAME),
                  text("```json"),
                  JSON,
                  end("```"),
                  end("<｜tool▁call▁end｜>")),
              "<｜tool▁calls▁end｜>"));

  static final ToolFormat DEEPSEEK_V31 =
      format(
          "deepseek_v31",
          section(
              "<｜tool▁calls▁begin｜>",
              List.of(
                  text("<｜tool▁call▁begin｜>"),
                  name(NAME),
                  text("<｜tool▁sep｜>"),
                  JSON,
                  end("<｜tool▁call▁end｜>")),
              "<｜tool▁calls▁end｜>"));

  /// GLM 4.5 to 4.7: `<tool_call>f<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>`.
  static final ToolFormat GLM45 =
      format(
          "glm45",
          each(
              "<tool_call>",
              text("<tool_call>"),
              name(NAME),
              new Step.Tagged("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", false),
              end("</tool_call>")));

  /// Kimi K2, whose ids are its own: `functions.f:0`.
  static final ToolFormat KIMI_K2 =
      format(
          "kimi_k2",
          section(
              "<|tool_calls_section_begin|>",
              List.of(
                  text("<|tool_call_begin|>"),
                  new Step.Name(Pattern.compile("(?<id>(?:functions\\.)?" + NAME + ":\\d+)"), true),
                  text("<|tool_call_argument_begin|>"),
                  JSON,
                  end("<|tool_call_end|>")),
              "<|tool_calls_section_end|>"));

  private static final List<ToolFormat> ALL =
      List.of(
          HERMES,
          QWEN3_CODER,
          LLAMA3_JSON,
          PYTHONIC,
          MISTRAL,
          DEEPSEEK_V3,
          DEEPSEEK_V31,
          GLM45,
          KIMI_K2,
          NONE);

  private ToolFormats() {}

  /// The names of all formats.
  public static List<String> names() {
    return ALL.stream().map(ToolFormat::name).toList();
  }

  /// A format by its name.
  public static Optional<ToolFormat> named(String name) {
    return ALL.stream().filter(format -> format.name().equals(name)).findFirst();
  }

  /// The format that a chat template's source teaches; empty if it teaches none that is known.
  public static Optional<ToolFormat> detect(String template) {
    if (template.contains("<|tool_calls_section_begin|>")) return Optional.of(KIMI_K2);
    if (template.contains("<｜tool▁calls▁begin｜>"))
      return Optional.of(template.contains("```json") ? DEEPSEEK_V3 : DEEPSEEK_V31);
    if (template.contains("[TOOL_CALLS]")) return Optional.of(MISTRAL);
    if (template.contains("<arg_key>")) return Optional.of(GLM45);
    if (template.contains("<function=")) return Optional.of(QWEN3_CODER);
    if (template.contains("<tool_call>")) return Optional.of(HERMES);
    if (template.contains("[func_name1(") || template.contains("<|python_start|>"))
      return Optional.of(PYTHONIC);
    if (template.contains("<|python_tag|>") || template.contains("\"parameters\": dictionary"))
      return Optional.of(LLAMA3_JSON);
    return Optional.empty();
  }

  private static ToolFormat format(String name, Section... sections) {
    return new ToolFormat(name, List.of(sections), CallIds.PLAIN);
  }

  /// Calls each of which begins with a tag of its own.
  private static Section each(String tag, Step... call) {
    return each(Opening.tag(tag), call);
  }

  private static Section each(Opening opening, Step... call) {
    return new Section(opening, List.of(), List.of(call), "", List.of());
  }

  /// Calls between two tags.
  private static Section section(String begin, List<Step> call, String end) {
    return new Section(Opening.tag(begin), List.of(text(begin)), call, "", List.of(end(end)));
  }

  private static Section function(String opening) {
    return each(
        opening,
        new Step.Text("<tool_call>", Missing.ALWAYS),
        text("<function="),
        name(NAME + "\\s*>"),
        new Step.Tagged("<parameter=", ">", "", "</parameter>", true),
        end("</function>"),
        new Step.Text("</tool_call>", Missing.ALWAYS));
  }

  private static Section list(Opening opening, List<Step> before) {
    return new Section(
        opening,
        before,
        List.of(name(NAME + "\\s*\\("), new Step.Python()),
        ",",
        List.of(text("]"), new Step.Text("<|python_end|>", Missing.ALWAYS), new Step.End()));
  }

  private static Step text(String text) {
    return new Step.Text(text, Missing.NEVER);
  }

  private static Step end(String text) {
    return new Step.Text(text, Missing.AT_END);
  }

  private static Step name(String pattern) {
    return new Step.Name(Pattern.compile(pattern), false);
  }

  private static Step object(String... arguments) {
    return new Step.NamedJson(Set.of(arguments), false);
  }
}
