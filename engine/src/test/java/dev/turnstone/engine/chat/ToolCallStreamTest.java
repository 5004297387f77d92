package dev.turnstone.engine.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.ToolCallParser.Parsed;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ToolCallStreamTest {
  private static final String CALL =
      "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"<tool_call>\"}}\n</tool_call>";
  private final HermesToolCallParser parser = new HermesToolCallParser();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " \n",
        "It is 4.",
        " It <is> 4 <tool_",
        "a<<tool_call <tool_cal",
        CALL,
        "\n " + CALL,
        "Now: \n" + CALL + "\n" + CALL + "\n",
        "a<tool_" + CALL,
        "Now <tool_call>nonsense",
        CALL + "<tool_call>{",
        " <tool_call>",
      })
  void everyChunkingGivesWhatTheWholeTextGives(String text) {
    Parsed whole = parser.parse(text, 2);
    for (List<String> chunks : chunkings(text)) {
      ToolCallStream stream = new ToolCallStream(parser, 2);
      StringBuilder content = new StringBuilder();
      for (String chunk : chunks) content.append(stream.feed(chunk));
      ToolCallStream.End end = stream.finish();
      content.append(end.content());
      assertThat(end.parsed()).isEqualTo(whole);
      assertThat(content.toString()).as(chunks.toString()).isEqualTo(content(whole));
    }
  }

  private static String content(Parsed parsed) {
    return switch (parsed) {
      case Parsed.Calls calls -> calls.content();
      case Parsed.Answer answer -> answer.content();
      case Parsed.Malformed malformed -> malformed.content();
    };
  }

  /// Whole, by letter, every cut in two, and many at random.
  private static List<List<String>> chunkings(String text) {
    List<List<String>> all = new ArrayList<>();
    all.add(List.of(text));
    all.add(text.chars().mapToObj(Character::toString).toList());
    for (int i = 0; i <= text.length(); i++)
      all.add(List.of(text.substring(0, i), text.substring(i)));
    Random random = new Random(1);
    for (int round = 0; round < 200; round++) {
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

  @Test
  void contentIsPassedOnAtOnceUnlessItMayOpenACall() {
    ToolCallStream stream = new ToolCallStream(parser, 0);
    assertThat(stream.feed(" ")).isEmpty();
    assertThat(stream.feed("a <")).isEqualTo(" a ");
    assertThat(stream.feed("b")).isEqualTo("<b");
    assertThat(stream.feed(" <tool_call")).isEqualTo(" ");
    assertThat(stream.feed("er")).isEqualTo("<tool_caller");
  }
}
