package dev.turnstone.trainerbridge.json;

import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

public class JsonTextTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {          | not JSON: Unexpected end-of-input
          [NaN]      | not JSON: Non-standard token 'NaN'
          [1,]       | not JSON: Unexpected character (']' (code 93))
          """)
  void whatIsNoJsonIsSaidWithoutWordsAboutTheParser(String text, String sentence) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JsonText.parse(text))
        .withMessageStartingWith(sentence)
        .withMessageNotContainingAny("`", "REDACTED");
  }

  @Test
  void whatIsTooDeepIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> JsonText.parse("[".repeat(2000)))
        .withMessage("not JSON: Document nesting depth (1001) exceeds the maximum allowed");
  }
}
