package dev.turnstone.server.completion;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.engine.chat.Tokenizer;
import dev.turnstone.engine.chat.tools.ReasoningTags;
import dev.turnstone.engine.chat.tools.ToolFormats;
import dev.turnstone.engine.chat.tools.TurnParser;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.server.Bytes;
import dev.turnstone.server.ScriptedPolicy;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ChoiceTest {
  private static final int END = 1_000_000;

  private static Tokenizer tokenizer;

  @BeforeAll
  static void load() throws Exception {
    tokenizer = Tokenizer.load(Path.of("..", "models", "tiny"));
  }

  @AfterAll
  static void close() {
    tokenizer.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`<think>so it is four</think>` | `\n\nIt is 4.` | true",
        "`<think>so it is not yet` | `` | true",
        "`` | `It is 4.` | false",
        "`` | `<thin air` | false",
      })
  void reasoningIsCountedInTokens(String reasoning, String rest, boolean there) {
    Tokens thought = tokenizer.encode(reasoning, false);
    Choice choice = choice();
    for (int id : thought.plus(tokenizer.encode(rest, false)).toArray()) sampled(choice, id);
    sampled(choice, END);
    choice.ended(FinishReason.STOP, "base");

    assertThat(choice.reasoning().isEmpty()).isEqualTo(!there);
    assertThat(choice.reasoningTokens()).isEqualTo(thought.size());
  }

  private static void sampled(Choice choice, int id) {
    choice.sampled(new Choice.Token(id, -1, 0, TopLogprobs.NONE));
  }

  private static Choice choice() {
    Bytes bytes = new Bytes();
    TurnParser parser = new TurnParser(ToolFormats.NONE, ReasoningTags.THINK);
    Served served =
        new Served(
            "m",
            new ScriptedPolicy(200),
            bytes,
            parser,
            new TokenizerTexts(tokenizer, parser),
            new PolicyIdentity("t", "c", 257));
    Reading reading = new Reading.Message(List.of(), 0, false, true);
    Ask ask = new Ask(Tokens.of(2), Sampling.GREEDY, 1, 100, Ends.FORMAT, reading);
    return new Choice(0, 0, ask, served, Set.of(END));
  }
}
