package dev.turnstone.engine.chat.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.engine.grammar.Constraints;
import dev.turnstone.engine.grammar.Grammar;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolCallParser;
import dev.turnstone.rollout.ToolSpec;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ForcedCallsTest {
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

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "hermes | <tool_call>NL{'name': 'add', 'arguments': {'a': 3}}NL</tool_call> | NL",
        "llama3_json | {'name': 'add', 'parameters': {'a': 3}} | ; ",
      },
      ignoreLeadingAndTrailingWhitespace = true)
  void whatIsForcedIsReadAsCalls(String name, String text, String separator) {
    ToolFormat format = ToolFormats.named(name).orElseThrow();
    String call = text.replace('\'', '"').replace("NL", "\n");
    String between = separator.equals("NL") ? "\n" : "; ";
    Grammar several = new Constraints().grammar(ForcedCalls.of(format, TOOLS, true).orElseThrow());
    Grammar one = new Constraints().grammar(ForcedCalls.of(format, TOOLS, false).orElseThrow());
    String two = call + between + call.replace("add", "say");

    assertThat(several.accepts(call)).isTrue();
    assertThat(several.accepts(two)).isTrue();
    assertThat(one.accepts(call)).isTrue();
    assertThat(one.accepts(two)).isFalse();
    assertThat(several.accepts(call.replace("3", "\"x\""))).isFalse();
    assertThat(several.accepts("Sure! " + call)).isFalse();
    assertThat(several.accepts("")).isFalse();
    var parsed = new TurnParser(format, ReasoningTags.NONE).parse(two, 0);
    assertThat(parsed)
        .isInstanceOfSatisfying(
            ToolCallParser.Parsed.Calls.class, calls -> assertThat(calls.calls()).hasSize(2));
  }
}
