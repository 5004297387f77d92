package dev.turnstone.engine.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/// Texts that an automaton allows, drawn byte by byte.
public final class RandomTexts {
  private static final int MOST_BYTES = 6000;

  private RandomTexts() {}

  /// Follows random bytes that the automaton allows until the text may end; after a while only
  /// bytes that lead there. The byte that stands for special tokens is left out of the text.
  ///
  /// @param closers bytes that lead to an end
  /// @return empty if nothing short enough came of it
  public static Optional<String> draw(
      Grammar grammar, SplittableRandom random, int patience, String closers) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    Grammar.State state = grammar.start();
    while (text.size() < MOST_BYTES) {
      if (state.accepting() && (state.dead() || text.size() > patience || random.nextInt(3) == 0))
        return Optional.of(text.toString(StandardCharsets.UTF_8));
      List<Integer> ways = new ArrayList<>();
      for (int value = 0; value < 256; value++) {
        Grammar.State next = state.after(value);
        if (next.dead() && !next.accepting()) continue;
        // Most bytes are no text by themselves: letters are drawn more often.
        if (text.size() < patience
            ? value < 128 || random.nextInt(8) == 0
            : closers.indexOf(value) >= 0) ways.add(value);
      }
      if (ways.isEmpty())
        for (int value = 0; value < 256; value++) {
          Grammar.State next = state.after(value);
          if (!next.dead() || next.accepting()) ways.add(value);
        }
      assertThat(ways).as("a dead end after %s", text).isNotEmpty();
      int value = ways.get(random.nextInt(ways.size()));
      if (value != 0xff) text.write(value);
      state = state.after(value);
    }
    return Optional.empty();
  }
}
