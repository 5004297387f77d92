package dev.turnstone.engine.chat.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser.Parsed;
import dev.turnstone.rollout.ToolCallParser.Turn;
import dev.turnstone.rollout.ToolSpec;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/// What each format's definition says, as text and what it means.
@SuppressWarnings("StringConcatToTextBlock") // line breaks are part of what is tested
class ToolFormatsTest {
  static final List<ToolSpec> TOOLS =
      List.of(
          new ToolSpec(
              "get_weather",
              "",
              new Json(
                  """
                  {"type": "object", "properties": {"city": {"type": "string"},
                   "days": {"type": "integer"}, "share": {"type": "number"},
                   "metric": {"type": "boolean"}, "at": {"type": ["string", "null"]},
                   "more": {"type": "object"}, "list": {"type": "array"},
                   "any": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}}\
                  """)),
          new ToolSpec("get_time", "", Json.EMPTY_OBJECT));

  private static final String TOKYO = "{\"city\": \"Tokyo\"}";

  /// A format, a text, and the calls it means as `name arguments`.
  record Case(ToolFormat format, String text, String content, List<String> calls) {
    @Override
    public String toString() {
      return format.name() + ": " + text;
    }
  }

  private static Case example(ToolFormat format, String text, String content, String... calls) {
    return new Case(format, text, content, List.of(calls));
  }

  static final List<Case> CASES =
      List.of(
          example(
              ToolFormats.HERMES,
              "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Tokyo\"}}\n</tool_call>",
              "",
              "get_weather " + TOKYO),
          example(
              ToolFormats.HERMES,
              "Both: \n<tool_call>{\"name\":\"f\",\"arguments\":{\"a\":\"</tool_call><tool_call>\"}}</tool_call>\n"
                  + "<tool_call>{\"arguments\": \"{\\\"b\\\": 1}\", \"name\": \"g\"}</tool_",
              "Both: \n",
              "f {\"a\":\"</tool_call><tool_call>\"}",
              "g {\"b\": 1}"),
          example(
              ToolFormats.QWEN3_CODER,
              "<tool_call>\n<function=get_weather>\n<parameter=city>\nTokyo\n</parameter>\n</function>\n</tool_call>",
              "",
              "get_weather " + TOKYO),
          example(
              ToolFormats.QWEN3_CODER,
              "Now: <function=get_weather>\n<parameter=city>\n\nTo \"kyo\"\n\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
                  + "<parameter=metric>\nTrue\n</parameter>\n<parameter=at>\nnull\n</parameter>\n"
                  + "<parameter=more>\n{\"a\": [1]}\n</parameter>\n<parameter=any>\n7\n</parameter>\n</function>",
              "Now: ",
              "get_weather {\"city\": \"\\nTo \\\"kyo\\\"\\n\", \"days\": 3, \"metric\": true, \"at\": null,"
                  + " \"more\": {\"a\": [1]}, \"any\": 7}"),
          example(
              ToolFormats.QWEN3_CODER,
              "<tool_call>\n<function=get_weather>\n<parameter=days>\nmany\n</parameter>\n<parameter=list>\n['a', None]\n</parameter>\n"
                  + "<parameter=any>\nx\n</parameter>\n<parameter=unknown>\n5\n</parameter>\n</function>\n</tool_call>\n"
                  + "<tool_call>\n<function=get_time>\n</function>\n</tool_call>",
              "",
              "get_weather {\"days\": \"many\", \"list\": [\"a\", null], \"any\": \"x\", \"unknown\": \"5\"}",
              "get_time {}"),
          example(
              ToolFormats.LLAMA3_JSON,
              "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Tokyo\"}}",
              "",
              "get_weather " + TOKYO),
          example(
              ToolFormats.LLAMA3_JSON,
              "<|python_tag|>{\"name\": \"f\", \"arguments\": {\"a\": \"{\\\"name\\\": 1}\"}}; {\"type\": \"function\", \"name\": \"g\", \"parameters\": {}}",
              "",
              "f {\"a\": \"{\\\"name\\\": 1}\"}",
              "g {}"),
          example(
              ToolFormats.LLAMA3_JSON,
              "In {x} is {\"name\": \"Ann\"} and {\"name\": \"f\", \"parameters\": {\"b\": {\"c\": {}}}}.",
              "In {x} is {\"name\": \"Ann\"} and ",
              "f {\"b\": {\"c\": {}}}"),
          example(
              ToolFormats.PYTHONIC,
              "[get_weather(city='Tokyo'), get_time()]",
              "",
              "get_weather " + TOKYO,
              "get_time {}"),
          example(
              ToolFormats.PYTHONIC,
              "\n[ f(a=None, b=True, c=[1, -2.5e3, (3,)], d={'k': {\"x\": .5}}, e='it\\'s \\n \"é\" \\u00e9', f=\"a\" 'b', g=1_000,) ]\n",
              "",
              "f {\"a\": null, \"b\": true, \"c\": [1, -2.5e3, [3]], \"d\": {\"k\": {\"x\": 0.5}},"
                  + " \"e\": \"it's \\n \\\"é\\\" é\", \"f\": \"ab\", \"g\": 1000}"),
          example(
              ToolFormats.PYTHONIC,
              "<|python_start|>[get_weather(city=\"Tokyo\")]<|python_end|>",
              "",
              "get_weather " + TOKYO),
          example(
              ToolFormats.MISTRAL,
              "[TOOL_CALLS] [{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Tokyo\"}}, {\"arguments\": {}, \"name\": \"get_time\"}]",
              "",
              "get_weather " + TOKYO,
              "get_time {}"),
          example(
              ToolFormats.MISTRAL,
              "Let me see.[TOOL_CALLS]get_weather[ARGS]{\"city\": \"Tokyo\"}[TOOL_CALLS]get_time{} and more",
              "Let me see.",
              "get_weather " + TOKYO,
              "get_time {}"),
          example(
              ToolFormats.DEEPSEEK_V3,
              "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{\"city\": \"Tokyo\"}\n```<｜tool▁call▁end｜>\n"
                  + "<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_time\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
              "",
              "get_weather " + TOKYO,
              "get_time {}"),
          example(
              ToolFormats.DEEPSEEK_V31,
              "Yes. <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\": \"Tokyo\"}<｜tool▁call▁end｜>"
                  + "<｜tool▁call▁begin｜>get_time<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
              "Yes. ",
              "get_weather " + TOKYO,
              "get_time {}"),
          example(
              ToolFormats.GLM45,
              "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Tokyo</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n</tool_call>",
              "",
              "get_weather {\"city\": \"Tokyo\", \"days\": 3}"),
          example(
              ToolFormats.GLM45,
              "<tool_call>get_weather<arg_key>city</arg_key><arg_value> Tokyo</arg_value></tool_call><tool_call>get_time</tool_call>",
              "",
              "get_weather {\"city\": \" Tokyo\"}",
              "get_time {}"),
          example(
              ToolFormats.KIMI_K2,
              "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{\"city\": \"Tokyo\"}<|tool_call_end|>"
                  + "<|tool_call_begin|>functions.get_time:1<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
              "",
              "get_weather " + TOKYO,
              "get_time {}"));

  @ParameterizedTest
  @FieldSource("CASES")
  void theDefinitionsExamplesAreRead(Case c) {
    Parsed parsed = new TurnParser(c.format(), ReasoningTags.NONE).parse(turn(c.text()));
    assertThat(parsed).isInstanceOf(Parsed.Calls.class);
    Parsed.Calls calls = (Parsed.Calls) parsed;
    assertThat(calls.content()).isEqualTo(c.content());
    assertThat(calls.calls())
        .extracting(call -> call.name() + " " + call.arguments().text())
        .isEqualTo(c.calls());
    assertThat(calls.calls().stream().map(ToolCall::id).distinct()).hasSameSizeAs(calls.calls());
    for (ToolCall call : calls.calls())
      assertThat(CallJson.isValue(call.arguments().text())).isTrue();
  }

  @ParameterizedTest
  @FieldSource("CASES")
  void aCallThatIsCutOffAnywhereIsNeverLost(Case c) {
    TurnParser parser = new TurnParser(c.format(), ReasoningTags.NONE);
    for (int end = 0; end < c.text().length(); end++) {
      String cut = c.text().substring(0, end);
      switch (parser.parse(turn(cut))) {
        case Parsed.Answer answer -> assertThat(answer.content()).isEqualTo(cut);
        case Parsed.Malformed malformed -> {
          assertThat(malformed.content()).isEqualTo(cut);
          assertThat(malformed.why()).isNotBlank().doesNotContain("\n");
        }
        case Parsed.Calls calls ->
            assertThat(calls.calls()).hasSizeLessThanOrEqualTo(c.calls().size());
      }
    }
  }

  @Test
  void idsAreTheFormatsOwn() {
    assertThat(ids(ToolFormats.HERMES, 0)).containsExactly("call_3_0", "call_3_1");
    assertThat(ids(ToolFormats.MISTRAL, 12)).containsExactly("c00003000", "c00003001");
    assertThat(ids(ToolFormats.KIMI_K2, CASES.size() - 1))
        .containsExactly("functions.get_weather:0", "functions.get_time:1");
  }

  private static List<String> ids(ToolFormat format, int number) {
    List<Case> cases = CASES.stream().filter(c -> c.format().equals(format)).toList();
    Case c = number == 0 ? cases.getLast() : cases.getFirst();
    Parsed parsed = new TurnParser(format, ReasoningTags.NONE).parse(turn(c.text()));
    return ((Parsed.Calls) parsed).calls().stream().map(ToolCall::id).toList();
  }

  static Turn turn(String text) {
    return new Turn("", text, 3, TOOLS);
  }
}
