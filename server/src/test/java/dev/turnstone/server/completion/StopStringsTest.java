package dev.turnstone.server.completion;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class StopStringsTest {
  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          one two three, two,        'one ',          two
          one two three, four,       one two three,   ''
          aab,           ab,         a,               ab
          abc,           abc;b,      a,               b
          xabcx,         abc;bc,     x,               abc
          abcab,         abcabd,     abcab,           ''
          """)
  void theTextIsTheSameHoweverItIsCut(String text, String stops, String expected, String hit) {
    Set<String> all = new LinkedHashSet<>(Arrays.asList(stops.split(";")));
    for (int size = 1; size <= text.length(); size++) {
      StopStrings filter = new StopStrings(all, false);
      StringBuilder seen = new StringBuilder();
      for (int at = 0; at < text.length(); at += size)
        seen.append(filter.push(text.substring(at, Math.min(text.length(), at + size))));
      seen.append(filter.end());
      assertThat(seen.toString()).as("pieces of %d", size).isEqualTo(expected);
      assertThat(filter.hit().orElse("")).as("pieces of %d", size).isEqualTo(hit);
    }
  }
}
