package dev.turnstone.envadapters.rewards;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.rewards.RewardEntry.Normalize;
import dev.turnstone.rollout.Message;
import java.math.BigDecimal;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AnswerTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "42                        | 42",
        "The answer is 42.         | 42",
        "3 apples, so 1,234,567.50 | 1234567.50",
        "-5                        | -5",
        "x = -5                    | -5",
        "x=−5                      | -5",
        "It costs -$5              | -5",
        "$18                       | 18",
        "3-5                       | 5",
        "(3)-5                     | 5",
        "+7                        | 7",
        ".5                        | 0.5",
        "5.                        | 5",
        "is...5                    | 5",
        "50%                       | 50",
        "1,2                       | 2",
        "1,2345                    | 2345",
        "1234,567                  | 567",
        "\\boxed{-3}               | -3",
        "1.5e3                     | 1500",
        "2E-2                      | 0.02",
        "7 then x2                 | 7",
        "7 for H2O                 | 7",
        "1e9999                    | 1",
        "12 km                     | 12",
        "007                       | 7",
        "123456789012345678901     | 123456789012345678901",
      })
  void theLastNumberOfATextIsItsAnswer(String text, BigDecimal number) {
    assertThat(Numeric.lastNumber(text))
        .hasValueSatisfying(value -> assertThat(value).isEqualByComparingTo(number));
  }

  @ParameterizedTest
  @CsvSource({"none at all", "x2", "-", "...", "','"})
  void aTextWithoutANumberHasNone(String text) {
    assertThat(Numeric.lastNumber(text)).isEmpty();
  }

  @Test
  void aNumberWithoutEndIsNoAnswer() {
    assertThat(Numeric.lastNumber("1".repeat(1_000_000))).isEmpty();
    assertThat(Numeric.lastNumber("1" + ",111".repeat(100_000))).isEmpty();
    assertThat(Numeric.lastNumber("-".repeat(1_000_000))).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "4, 4, 0, 0, 1",
    "4.0, 4, 0, 0, 1",
    "4.01, 4, 0, 0, 0",
    "4.01, 4, 0.01, 0, 1",
    "4.011, 4, 0.01, 0, 0",
    "110, 100, 0, 0.1, 1",
    "-110, -100, 0, 0.1, 1",
    "111, 100, 0, 0.1, 0",
    "100000000000000000001, 100000000000000000000, 0, 0, 0",
  })
  void nearEnoughIsRight(String said, String expected, double abs, double rel, double score)
      throws Exception {
    Numeric numeric = new Numeric(new RewardEntry.Numeric("n", 1, "answer", abs, rel));
    JsonNode number = JsonText.read("{\"answer\":%s}".formatted(expected));
    JsonNode text = JsonText.read("{\"answer\":\"#### %s\"}".formatted(expected));

    for (JsonNode data : List.of(number, text))
      assertThat(numeric.score(Episodes.answered(data, said)).value()).isEqualTo(score);
  }

  @ParameterizedTest
  @CsvSource(
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "Paris,\"Paris\",NONE,1",
        " Paris,\"Paris\",NONE,0",
        " Paris ,\"Paris\",STRIP,1",
        "paris,\"Paris\",STRIP,0",
        "PARIS ,\" paris\",LOWER,1",
        "Lyon,\"Paris\",LOWER,0",
        "7,7,STRIP,1",
        "true,true,STRIP,1",
        "<think>Lyon?</think> Paris,\"Paris\",STRIP,1",
      })
  void anExactMatchIsOneAfterNormalising(
      String said, String expected, Normalize normalize, double score) throws Exception {
    ExactMatch match = new ExactMatch(new RewardEntry.ExactMatch("m", 1, "answer", normalize));
    JsonNode data = JsonText.read("{\"answer\":%s}".formatted(expected));

    assertThat(match.score(Episodes.answered(data, said)).value()).isEqualTo(score);
  }

  @Test
  void onlyALastMessageOfTheAssistantIsAnAnswer() {
    Message answer = new Message.Assistant("4", List.of());

    assertThat(FinalAnswer.of(List.of())).isEmpty();
    assertThat(FinalAnswer.of(List.of(answer, new Message.Tool("", "", "Error")))).isEmpty();
    assertThat(FinalAnswer.of(Episodes.transcript("<think>is it 4"))).isEmpty();
    assertThat(FinalAnswer.of(Episodes.transcript("thought</think>4"))).isEqualTo(Optional.of("4"));
    assertThat(FinalAnswer.of(List.of(answer))).isEqualTo(Optional.of("4"));
  }
}
