package dev.turnstone.envadapters.peer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class ExcerptTest {
  @Test
  void aTextWithinItsBoundStaysAsItIs() {
    assertThat(Excerpt.ofMiddle("abcd", 4)).isEqualTo("abcd");
  }

  @Test
  void theNoteCountsWhatIsGone() {
    assertThat(Excerpt.ofMiddle("abcdefgh", 3)).isEqualTo("ab\n[5 characters cut]\nh");
  }

  @Test
  void aCutNeverSplitsACharacter() {
    String faces = "😀".repeat(10);

    for (int max = 1; max < 20; max++)
      assertThat(Excerpt.ofMiddle(faces, max).replace("😀", ""))
          .matches("\n\\[\\d+ characters cut]\n");
  }
}
