package dev.turnstone.engine.chat.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser.Parsed;
import dev.turnstone.rollout.ToolCallParser.Turn;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class TurnStreamTest {
  private static final String CALL =
      "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"<tool_call>\"}}\n</tool_call>";

  /// Pieces of which turns are put together at random.
  private static final List<String> PIECES =
      List.of(
          "",
          " ",
          "\n",
          "\n\n",
          "<think>",
          "</think>",
          "<thi",
          "</",
          "<",
          "a",
          "It is 4. ",
          "{\"name\": \"Ann\"}",
          "{",
          "[",
          "[f(",
          "[TOOL_CALLS]",
          "<tool_call>",
          "</tool_call>",
          "<function=",
          "<tool",
          "é🙂",
          "call",
          ";",
          "]",
          "<|python_tag|>");

  static Stream<ToolFormat> formats() {
    return ToolFormats.names().stream().map(name -> ToolFormats.named(name).orElseThrow());
  }

  @ParameterizedTest
  @MethodSource("formats")
  void everyChunkingGivesWhatTheWholeTextGives(ToolFormat format) {
    TurnParser parser = new TurnParser(format, ReasoningTags.THINK);
    Random random = new Random(format.name().hashCode());
    List<String> calls =
        ToolFormatsTest.CASES.stream()
            .filter(c -> c.format().equals(format))
            .map(ToolFormatsTest.Case::text)
            .toList();
    for (String call : calls)
      for (String around : List.of("", "Well. ", "<think>\nhm\n</think>\n\n"))
        check(parser, "", around + call + "\n", random);
    for (int round = 0; round < 400; round++)
      check(parser, random.nextBoolean() ? "" : "<think>\n", text(calls, random), random);
  }

  private static String text(List<String> calls, Random random) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(8); i > 0; i--)
      text.append(PIECES.get(random.nextInt(PIECES.size())));
    if (!calls.isEmpty() && random.nextBoolean()) {
      String call = calls.get(random.nextInt(calls.size()));
      text.append(random.nextInt(3) > 0 ? call : call.substring(0, random.nextInt(call.length())));
    }
    for (int i = random.nextInt(4); i > 0; i--)
      text.append(PIECES.get(random.nextInt(PIECES.size())));
    return text.toString();
  }

  private static void check(TurnParser parser, String before, String text, Random random) {
    Turn turn = new Turn(before, text, 2, ToolFormatsTest.TOOLS);
    Parsed whole = parser.parse(turn);
    for (List<String> chunks : chunkings(text, random)) {
      TurnStream stream = parser.stream(turn);
      StringBuilder reasoning = new StringBuilder();
      StringBuilder content = new StringBuilder();
      Heard heard = new Heard();
      for (String chunk : chunks) take(stream.feed(chunk), reasoning, content, heard);
      TurnStream.End end = stream.finish();
      take(end.delta(), reasoning, content, heard);
      if (whole instanceof Parsed.Calls calls) {
        assertThat(heard.calls()).as(chunks.toString()).isEqualTo(calls.calls());
        assertThat(heard.contentAfterCalls).as(chunks.toString()).isFalse();
      }
      assertThat(end.parsed()).as(chunks.toString()).isEqualTo(whole);
      assertThat(content.toString()).as(chunks.toString()).isEqualTo(content(whole));
      assertThat(reasoning.toString()).as(chunks.toString()).isEqualTo(whole.reasoning());
    }
  }

  private static void take(
      TurnStream.Delta delta, StringBuilder reasoning, StringBuilder content, Heard heard) {
    reasoning.append(delta.reasoning());
    content.append(delta.content());
    if (!delta.content().isEmpty() && !heard.calls().isEmpty()) heard.contentAfterCalls = true;
    delta.calls().forEach(heard::add);
  }

  /// The calls as whoever reads the parts has them.
  private static final class Heard {
    private final List<ToolCall> calls = new ArrayList<>();
    private boolean contentAfterCalls;

    void add(TurnStream.CallPart part) {
      assertThat(part.first()).isEqualTo(part.number() == calls.size());
      if (part.first()) calls.add(new ToolCall(part.id(), part.name(), new Json(part.arguments())));
      else
        calls.set(
            part.number(),
            new ToolCall(
                part.id(),
                part.name(),
                new Json(calls.get(part.number()).arguments().text() + part.arguments())));
    }

    List<ToolCall> calls() {
      return calls;
    }
  }

  /// Each format with a call of a long argument, or of many where only whole ones are certain.
  static Stream<Arguments> longCalls() {
    String text = "word ".repeat(200);
    StringBuilder tagged = new StringBuilder();
    StringBuilder keyed = new StringBuilder();
    StringBuilder python = new StringBuilder();
    for (int i = 0; i < 20; i++) {
      tagged.append("<parameter=p%d>\n%d\n</parameter>\n".formatted(i, i));
      keyed.append("<arg_key>p%d</arg_key><arg_value>%d</arg_value>".formatted(i, i));
      python.append(i == 0 ? "" : ", ").append("p%d='%d'".formatted(i, i));
    }
    String json = "{\"a\": \"" + text + "\"}";
    return Stream.of(
        Arguments.of(
            "hermes", "<tool_call>\n{\"name\": \"f\", \"arguments\": " + json + "}\n</tool_call>"),
        Arguments.of(
            "qwen3_coder", "<tool_call>\n<function=f>\n" + tagged + "</function>\n</tool_call>"),
        Arguments.of("llama3_json", "{\"name\": \"f\", \"parameters\": " + json + "}"),
        Arguments.of("pythonic", "[f(" + python + ")]"),
        Arguments.of("mistral", "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": " + json + "}]"),
        Arguments.of("mistral", "[TOOL_CALLS]f[ARGS]" + json),
        Arguments.of(
            "deepseek_v3",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n"
                + json
                + "\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"),
        Arguments.of(
            "deepseek_v31",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>"
                + json
                + "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"),
        Arguments.of("glm45", "<tool_call>f\n" + keyed + "</tool_call>"),
        Arguments.of(
            "kimi_k2",
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>"
                + json
                + "<|tool_call_end|><|tool_calls_section_end|>"));
  }

  @ParameterizedTest
  @MethodSource("longCalls")
  void argumentsArePassedOnWhileTheyAreWritten(String format, String text) {
    TurnParser parser = new TurnParser(ToolFormats.named(format).orElseThrow(), ReasoningTags.NONE);
    TurnStream stream = parser.stream(new Turn("", text, 0, List.of()));
    Heard heard = new Heard();
    StringBuilder content = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      take(stream.feed(text.substring(i, i + 1)), new StringBuilder(), content, heard);
      if (i != text.length() * 2 / 3) continue;
      assertThat(heard.calls()).hasSize(1);
      assertThat(heard.calls().getFirst().name()).isEqualTo("f");
      assertThat(heard.calls().getFirst().arguments().text()).hasSizeGreaterThan(text.length() / 8);
    }
    TurnStream.End end = stream.finish();
    take(end.delta(), new StringBuilder(), content, heard);
    assertThat(content).isEmpty();
    assertThat(end.parsed())
        .isInstanceOfSatisfying(
            Parsed.Calls.class, calls -> assertThat(calls.calls()).isEqualTo(heard.calls()));
  }

  @Test
  void aLongArgumentIsReadInTimeThatGrowsWithItsLength() {
    TurnStream stream = stream(ToolFormats.HERMES);
    Heard heard = new Heard();
    String text =
        "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \""
            + "x".repeat(300_000)
            + "\"}}\n</tool_call>";
    for (int i = 0; i < text.length(); i += 5)
      stream.feed(text.substring(i, Math.min(text.length(), i + 5))).calls().forEach(heard::add);
    stream.finish().delta().calls().forEach(heard::add);
    assertThat(heard.calls().getFirst().arguments().text()).hasSize(300_009);
  }

  private static String content(Parsed parsed) {
    return switch (parsed) {
      case Parsed.Calls calls -> calls.content();
      case Parsed.Answer answer -> answer.content();
      case Parsed.Malformed malformed -> malformed.content();
    };
  }

  /// By letter, cut in two somewhere, by words, and at random.
  private static List<List<String>> chunkings(String text, Random random) {
    List<List<String>> all = new ArrayList<>();
    all.add(text.chars().mapToObj(Character::toString).toList());
    int cut = random.nextInt(text.length() + 1);
    all.add(List.of(text.substring(0, cut), text.substring(cut)));
    all.add(List.of(text.split("(?<=[ \\n>{\\[])")));
    for (int round = 0; round < 4; round++) {
      List<String> chunks = new ArrayList<>();
      for (int at = 0; at < text.length(); ) {
        int end = Math.min(text.length(), at + random.nextInt(1, 12));
        chunks.add(text.substring(at, end));
        at = end;
      }
      all.add(chunks);
    }
    return all;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '¦',
      quoteCharacter = '`',
      value = {
        // before ¦ text ¦ reasoning ¦ content ¦ calls
        "`` ¦ It is 4. ¦ `` ¦ It is 4. ¦ 0",
        "`` ¦ <think>hm</think>It is 4. ¦ hm ¦ It is 4. ¦ 0",
        "`` ¦ `\n<think>\nhm\n\n</think>\n\nIt is 4.` ¦ hm ¦ It is 4. ¦ 0",
        "`<think>\n` ¦ `hm\n</think>\n\nIt is 4.` ¦ hm ¦ It is 4. ¦ 0",
        "`<think>\n` ¦ `<think>hm</think></think>\nyes` ¦ hm ¦ yes ¦ 0",
        "`<think>\n\n</think>\n\n` ¦ It is </think> 4. ¦ `` ¦ It is </think> 4. ¦ 0",
        "`<think>` ¦ still thinking ¦ still thinking ¦ `` ¦ 0",
        "`<think>` ¦ `hm\n"
            + "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>` ¦ hm ¦ `` ¦ 1",
        "`<think>` ¦ `a <tool_call> is a tag</think><tool_call>{\"name\": \"f\", \"arguments\":"
            + " {}}` ¦ a <tool_call> is a tag ¦ `` ¦ 1",
        "`` ¦ I <think>aloud</think>. ¦ `` ¦ I <think>aloud</think>. ¦ 0",
      })
  void reasoningIsToldFromContent(
      String before, String text, String reasoning, String content, int calls) {
    TurnParser parser = new TurnParser(ToolFormats.HERMES, ReasoningTags.THINK);
    Parsed parsed = parser.parse(new Turn(before, text, 0, List.of()));
    assertThat(parsed.reasoning()).isEqualTo(reasoning);
    assertThat(content(parsed)).isEqualTo(content);
    assertThat(parsed instanceof Parsed.Calls c ? c.calls().size() : 0).isEqualTo(calls);
  }

  @Test
  void contentIsPassedOnAtOnceUnlessItMayOpenACall() {
    TurnStream stream = stream(ToolFormats.HERMES);
    assertThat(stream.feed(" ").content()).isEmpty();
    assertThat(stream.feed("a <").content()).isEqualTo(" a ");
    assertThat(stream.feed("b").content()).isEqualTo("<b");
    assertThat(stream.feed(" <tool_call").content()).isEqualTo(" ");
    assertThat(stream.feed("er").content()).isEqualTo("<tool_caller");
    assertThat(stream.feed(CALL).content()).isEmpty();
    assertThat(stream.finish().parsed())
        .isInstanceOfSatisfying(
            Parsed.Calls.class,
            calls -> assertThat(calls.content()).isEqualTo(" a <b <tool_caller"));
  }

  @Test
  void anAnswerInJsonComesBeforeTheCallThatFollowsIt() {
    String answer = "{\"name\": \"Ann\"} ";
    TurnStream stream =
        new TurnParser(ToolFormats.named("llama3_json").orElseThrow(), ReasoningTags.NONE)
            .stream(new Turn("", "", 0, ToolFormatsTest.TOOLS));
    String call = "{\"name\": \"f\", \"parameters\": {\"a\": \"" + "word ".repeat(40) + "\"}}";
    for (char c : (answer + call).toCharArray())
      assertThat(stream.feed(String.valueOf(c)).calls()).isEmpty();
    TurnStream.Delta rest = stream.finish().delta();
    assertThat(rest.content()).isEqualTo(answer);
    assertThat(rest.calls()).hasSize(1);
  }

  @Test
  void bracesInProseDelayNothingInTheFormatOfLlama() {
    TurnStream stream = stream(ToolFormats.LLAMA3_JSON);
    assertThat(stream.feed("f(x) = {").content()).isEqualTo("f(x) = ");
    assertThat(stream.feed(" \"").content()).isEmpty();
    assertThat(stream.feed("x\"").content()).isEqualTo("{ \"x\"");
  }

  @Test
  void reasoningIsPassedOnAtOnceButForTagsAndLineBreaks() {
    TurnStream stream =
        new TurnParser(ToolFormats.HERMES, ReasoningTags.THINK)
            .stream(new Turn("<think>\n", "", 0, List.of()));
    assertThat(stream.feed("a\n").reasoning()).isEqualTo("a");
    assertThat(stream.feed("b</th").reasoning()).isEqualTo("\nb");
    assertThat(stream.feed("i").reasoning()).isEmpty();
    assertThat(stream.feed("s").reasoning()).isEqualTo("</this");
  }

  @Test
  void aLongTurnIsReadInTimeThatGrowsWithItsLength() {
    TurnStream stream = stream(ToolFormats.HERMES);
    StringBuilder content = new StringBuilder();
    String piece = "some <words> of an answer ";
    for (int i = 0; i < 40_000; i++) content.append(stream.feed(piece).content());
    content.append(stream.finish().delta().content());
    assertThat(content).hasSize(40_000 * piece.length());
  }

  private static TurnStream stream(ToolFormat format) {
    return new TurnParser(format, ReasoningTags.NONE).stream(new Turn("", "", 0, List.of()));
  }
}
