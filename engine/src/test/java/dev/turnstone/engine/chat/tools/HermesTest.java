package dev.turnstone.engine.chat.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser.Parsed;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HermesTest {
  private static final String CALL =
      "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>";
  private final TurnParser parser = new TurnParser(ToolFormats.HERMES, ReasoningTags.NONE);

  @Test
  void textWithoutACallIsTheAnswer() {
    assertThat(parser.parse("It is 4.\n", 0)).isEqualTo(new Parsed.Answer("It is 4.\n"));
    assertThat(parser.parse("a </tool_call> <tool_cal", 0))
        .isEqualTo(new Parsed.Answer("a </tool_call> <tool_cal"));
    assertThat(parser.parse("", 0)).isEqualTo(new Parsed.Answer(""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        CALL,
        "\n" + CALL + "\n",
        "<tool_call>{\"name\":\"f\",\"arguments\":{\"a\": 1}}</tool_call>",
        "<tool_call>\n{\"arguments\": {\"a\": 1}, \"name\": \"f\", \"more\": [{}]}\n</tool_call>",
        "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}",
        "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_",
        "<tool_call>\n{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}\n</tool_call>",
        CALL + " and text that is dropped",
      })
  void oneCallIsRead(String text) {
    assertThat(parser.parse(text, 3))
        .isEqualTo(
            new Parsed.Calls("", List.of(new ToolCall("call_3_0", "f", new Json("{\"a\": 1}")))));
  }

  @Test
  void severalCallsAreNumberedAndTheTextBeforeThemIsContent() {
    assertThat(parser.parse("Both: \n" + CALL + "\nand\n" + CALL, 1))
        .isEqualTo(
            new Parsed.Calls(
                "Both: \n",
                List.of(
                    new ToolCall("call_1_0", "f", new Json("{\"a\": 1}")),
                    new ToolCall("call_1_1", "f", new Json("{\"a\": 1}")))));
  }

  @Test
  void tagsInsideOfStringsAreText() {
    String code = "{\"code\": \"print('</tool_call><tool_call>')\"}";
    assertThat(
            parser.parse(
                "<tool_call>\n{\"name\": \"f\", \"arguments\": " + code + "}\n</tool_call>", 0))
        .isEqualTo(new Parsed.Calls("", List.of(new ToolCall("call_0_0", "f", new Json(code)))));
  }

  @Test
  void argumentsAreKeptAsTheyWereWritten() {
    String arguments = "{ \"é\" : [1.0,2e2],\n\"b\":{} }";
    assertThat(
            parser.parse(
                "🙂<tool_call>{\"name\": \"f\", \"arguments\": " + arguments + "}</tool_call>", 0))
        .isEqualTo(
            new Parsed.Calls("🙂", List.of(new ToolCall("call_0_0", "f", new Json(arguments)))));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '¦',
      quoteCharacter = '`',
      value = {
        "<tool_call> ¦ expected a JSON object, got nothing",
        "<tool_call></tool_call> ¦ expected a JSON object, got </tool_call>",
        "<tool_call>print(1)</tool_call> ¦ expected a JSON object, got print(1)</tool_call>",
        "<tool_call>[1]</tool_call> ¦ expected a JSON object, got [1]</tool_call>",
        "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\" ¦ the JSON object is cut off",
        "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"x ¦ the JSON object is cut off",
        "<tool_call>{\"name\": \"f\"}</tool_call> ¦ the call has no \"arguments\"",
        "<tool_call>{\"arguments\": {}}</tool_call> ¦ the call has no \"name\"",
        "<tool_call>{\"name\": \" \", \"arguments\": {}}</tool_call> ¦ \"name\" must be the name of a tool",
        "<tool_call>{\"name\": 1, \"arguments\": {}}</tool_call> ¦ \"name\" must be the name of a tool",
        "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call> ¦ \"arguments\" must be a JSON object",
        "<tool_call>{\"name\": \"f\", \"arguments\": null}</tool_call> ¦ \"arguments\" must be a JSON object",
        "<tool_call>{\"name\": \"f\", \"arguments\": \"x\"}</tool_call> ¦ not JSON",
        "<tool_call>{\"name\": \"f\", \"arguments\": \"1\"}</tool_call> ¦ \"arguments\" is a string that holds no JSON object",
        "<tool_call>{\"name\": \"f\", \"arguments\": \"{} {}\"}</tool_call> ¦ \"arguments\" is a string with more than a JSON object",
        "<tool_call>{\"name\": \"f\", \"arguments\": {}}} </tool_call> ¦ expected </tool_call> after the JSON object, got } </tool_call>",
        "<tool_call>{\"name\": \"f\", \"name\": \"g\", \"arguments\": {}}</tool_call> ¦ not JSON: Duplicate",
        "<tool_call>{'name': 'f', 'arguments': {}}</tool_call> ¦ not JSON",
      })
  void anUnreadableCallSaysWhy(String text, String why) {
    assertThat(parser.parse("Now: " + text, 0))
        .isInstanceOfSatisfying(
            Parsed.Malformed.class,
            malformed -> {
              assertThat(malformed.content()).isEqualTo("Now: " + text);
              assertThat(malformed.why()).startsWith(why).doesNotContain("\n");
            });
  }

  @Test
  void oneUnreadableCallSpoilsTheTurn() {
    assertThat(parser.parse(CALL + "<tool_call>{", 0)).isInstanceOf(Parsed.Malformed.class);
  }

  @Test
  void deepJsonDoesNotOverflow() {
    String deep = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": " + "[".repeat(100_000);
    assertThat(parser.parse(deep, 0)).isInstanceOf(Parsed.Malformed.class);
  }
}
