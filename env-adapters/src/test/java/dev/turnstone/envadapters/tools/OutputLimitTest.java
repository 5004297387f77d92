package dev.turnstone.envadapters.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.envadapters.tools.CallRules.Keep;
import dev.turnstone.envadapters.tools.CallRules.Output;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Tokens are words here.
final class OutputLimitTest {
  private static final TokenCount WORDS =
      text -> text.isBlank() ? 0 : text.strip().split("\\s+").length;

  @ParameterizedTest
  @CsvSource({"HEAD", "MIDDLE", "TAIL"})
  void whatIsKeptIsWithinTheBoundAndNearIt(Keep keep) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 300; i++) text.append("w").append(i).append(' ');

    String cut = new OutputLimit(new Output(100, keep), WORDS).cut(text.toString());

    String kept = cut.replaceFirst("\\[\\d+ tokens cut\\]", "");
    assertThat(cut).containsPattern("\\[2\\d\\d tokens cut\\]");
    assertThat(WORDS.of(kept)).isBetween(90, 101);
    assertThat(cut.startsWith("w0 ")).isEqualTo(keep != Keep.TAIL);
    assertThat(cut.strip().endsWith("w299")).isEqualTo(keep != Keep.HEAD);
  }

  @Test
  void whatFitsIsLeftAlone() {
    assertThat(new OutputLimit(new Output(3, Keep.HEAD), WORDS).cut("one two three"))
        .isEqualTo("one two three");
  }

  @Test
  void aLongTextIsNotCountedAsAWhole() {
    AtomicLong counted = new AtomicLong();
    TokenCount counting =
        text -> {
          counted.addAndGet(text.length());
          return TokenCount.ESTIMATE.of(text);
        };

    String cut = new OutputLimit(new Output(100, Keep.MIDDLE), counting).cut("x".repeat(16 << 20));

    assertThat(cut).contains("[about 4194204 tokens cut]");
    assertThat(counted.get()).isLessThan(10_000);
  }

  @Test
  void halvesOfPairsAreReplacedAndPairsStayWhole() {
    OutputLimit limit = new OutputLimit(new Output(4, Keep.HEAD), TokenCount.ESTIMATE);

    assertThat(limit.cut("a\ud83d")).isEqualTo("a?");
    assertThat(limit.cut("\ud83d\ude00".repeat(50))).startsWith("\ud83d\ude00").doesNotContain("?");
  }
}
