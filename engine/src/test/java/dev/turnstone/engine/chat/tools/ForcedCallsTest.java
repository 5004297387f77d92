package dev.turnstone.engine.chat.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import dev.turnstone.engine.grammar.Constraints;
import dev.turnstone.engine.grammar.Grammar;
import dev.turnstone.engine.grammar.RandomTexts;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser.Parsed;
import dev.turnstone.rollout.ToolCallParser.Turn;
import dev.turnstone.rollout.ToolSpec;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ForcedCallsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<ToolSpec> TOOLS =
      List.of(
          new ToolSpec(
              "add",
              "",
              new Json(
                  """
                  {"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}},
                   "required": ["a"], "additionalProperties": false,
                   "$defs": {"n": {"type": "integer"}}}
                  """)),
          new ToolSpec("say", "", new Json("{\"type\": \"object\"}")));

  private static final List<ToolSpec> RICH =
      List.of(
          new ToolSpec(
              "look.up",
              "",
              new Json(
                  """
                  {"type": "object", "required": ["words", "n"], "properties": {
                    "words": {"type": "string"},
                    "n": {"$ref": "#/$defs/n"},
                    "unit": {"enum": ["m", "k m", "°C"]},
                    "exact": {"type": "boolean"},
                    "none": {"type": ["string", "null"]},
                    "few": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
                    "more": {"type": "object", "properties": {"x": {"type": "number"}},
                      "additionalProperties": false, "required": ["x"]},
                    "share": {"type": ["number", "null"], "minimum": 0, "maximum": 1}},
                   "$defs": {"n": {"type": "integer", "minimum": -5, "maximum": 99}}}
                  """)),
          new ToolSpec(
              "ping", "", new Json("{\"type\": \"object\", \"additionalProperties\": false}")));

  private static Grammar grammar(ToolFormat format, List<ToolSpec> tools, boolean several) {
    return new Constraints().grammar(ForcedCalls.of(format, tools, several).orElseThrow());
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          hermes | <tool_call>NL{"name": "add", "arguments": {"a": 3}}NL</tool_call> | | NL |
          llama3_json | {"name": "add", "parameters": {"a": 3}} | | `; ` |
          qwen3_coder | <tool_call>NL<function=add>NL<parameter=a>NL3NL</parameter>NL</function>NL</tool_call> | | NL |
          pythonic | add(a=3) | [ | `, ` | ]
          mistral | {"name": "add", "arguments": {"a": 3}} | `[TOOL_CALLS] [` | `, ` | ]
          mistral | [TOOL_CALLS]add[ARGS]{"a": 3} | | |
          mistral | [TOOL_CALLS]add{"a": 3} | | |
          deepseek_v3 | <｜tool▁call▁begin｜>function<｜tool▁sep｜>addNL```jsonNL{"a": 3}NL```<｜tool▁call▁end｜> | <｜tool▁calls▁begin｜> | NL | <｜tool▁calls▁end｜>
          deepseek_v31 | <｜tool▁call▁begin｜>add<｜tool▁sep｜>{"a": 3}<｜tool▁call▁end｜> | <｜tool▁calls▁begin｜> | | <｜tool▁calls▁end｜>
          glm45 | <tool_call>addNL<arg_key>a</arg_key>NL<arg_value>3</arg_value>NL</tool_call> | | NL |
          glm45 | <tool_call>add<arg_key>a</arg_key><arg_value>3</arg_value></tool_call> | | |
          kimi_k2 | `<|tool_call_begin|>functions.add:0<|tool_call_argument_begin|>{"a": 3}<|tool_call_end|>` | `<|tool_calls_section_begin|>` | | `<|tool_calls_section_end|>`
          """)
  void whatIsForcedIsReadAsCalls(
      String name, String call, String before, String separator, String after) {
    ToolFormat format = ToolFormats.named(name).orElseThrow();
    Grammar several = grammar(format, List.of(TOOLS.get(0)), true);
    Grammar one = grammar(format, List.of(TOOLS.get(0)), false);
    String single = line(before) + line(call) + line(after);
    String two =
        line(before)
            + line(call)
            + line(separator)
            + line(call).replace(":0<", ":1<")
            + line(after);

    assertThat(several.accepts(single)).isTrue();
    assertThat(several.accepts(two)).isTrue();
    assertThat(one.accepts(single)).isTrue();
    assertThat(one.accepts(two)).isFalse();
    assertThat(several.accepts(single.replace("3", "\"x\""))).isFalse();
    assertThat(several.accepts("Sure! " + single)).isFalse();
    assertThat(several.accepts("")).isFalse();
    Parsed parsed = new TurnParser(format, ReasoningTags.NONE).parse(new Turn("", two, 0, TOOLS));
    assertThat(parsed)
        .isInstanceOfSatisfying(
            Parsed.Calls.class,
            calls ->
                assertThat(calls.calls())
                    .hasSize(2)
                    .allSatisfy(c -> assertThat(c.arguments().text()).matches("\\{\"a\": ?3}")));
  }

  private static String line(String text) {
    return text == null ? "" : text.replace("NL", "\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "hermes",
        "llama3_json",
        "qwen3_coder",
        "pythonic",
        "mistral",
        "deepseek_v3",
        "deepseek_v31",
        "glm45",
        "kimi_k2"
      })
  void whateverIsDrawnUnderTheMaskIsReadAndFitsTheToolsSchema(String name) throws Exception {
    ToolFormat format = ToolFormats.named(name).orElseThrow();
    Grammar grammar = grammar(format, RICH, true);
    SchemaRegistry registry = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);
    var random = new SplittableRandom(11);
    int read = 0;
    for (int i = 0; i < 80; i++) {
      var text = RandomTexts.draw(grammar, random, 150, "<>/arg_vluepmt'\")]}|｜▁colsend```\n");
      if (text.isEmpty()) continue;
      Parsed parsed =
          new TurnParser(format, ReasoningTags.NONE).parse(new Turn("", text.get(), 0, RICH));
      assertThat(parsed).as("%s", text.get()).isInstanceOf(Parsed.Calls.class);
      for (ToolCall call : ((Parsed.Calls) parsed).calls()) {
        ToolSpec tool =
            RICH.stream().filter(t -> t.name().equals(call.name())).findFirst().orElseThrow();
        Schema schema = registry.getSchema(JSON.readTree(tool.parameters().text()));
        assertThat(schema.validate(JSON.readTree(call.arguments().text())))
            .as("%s of %s", call.arguments().text(), text.get())
            .isEmpty();
        read++;
      }
    }
    assertThat(read).isGreaterThan(12);
  }

  @Test
  void whatAFormatCannotWriteExactlyIsRefusedByName() {
    for (String[] each :
        new String[][] {
          {
            "{\"properties\": {\"s\": {\"type\": \"string\", \"maxLength\": 3}}}",
            "s with maxLength"
          },
          {
            "{\"properties\": {\"s\": {\"type\": [\"string\", \"integer\"]}}}",
            "s that is text or integer"
          },
          {"{\"properties\": {\"a b\": {\"type\": \"integer\"}}}", "the parameter \"a b\""},
          {"{\"properties\": {\"e\": {\"enum\": [\"7\", \" x\"]}}}", "the constant \" x\" of e"},
          {"{\"minProperties\": 2}", "has minProperties beside its properties"},
        })
      assertThatThrownBy(() ->
              ForcedCalls.of(
                  ToolFormats.GLM45, List.of(new ToolSpec("f", "", new Json(each[0]))), false))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("the schema of the tool f")
          .hasMessageContaining(each[1]);
    assertThatThrownBy(() ->
            ForcedCalls.of(
                ToolFormats.KIMI_K2,
                List.of(new ToolSpec("a b", "", new Json("{\"type\": \"object\"}"))),
                false))
        .hasMessage("the tool a b has a name that the policy's tool format cannot write");
    assertThat(ForcedCalls.of(ToolFormats.NONE, TOOLS, false)).isEmpty();
  }
}
