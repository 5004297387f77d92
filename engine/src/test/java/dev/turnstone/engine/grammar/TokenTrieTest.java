package dev.turnstone.engine.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class TokenTrieTest {
  /// All single bytes, pieces of JSON, pieces of characters, tokens twice, and one without text.
  private static byte[][] tokens(int more) {
    var random = new SplittableRandom(1);
    List<byte[]> tokens = new ArrayList<>();
    for (int value = 0; value < 256; value++) tokens.add(new byte[] {(byte) value});
    for (String piece : List.of("{\"", "\": ", "\",", "\"}", "true", "nul", "l,", "[[", "]}", "😀"))
      tokens.add(piece.getBytes(StandardCharsets.UTF_8));
    tokens.add(new byte[] {(byte) 0xf0, (byte) 0x9f});
    tokens.add(new byte[] {(byte) 0x98, (byte) 0x80, '"'});
    tokens.add(new byte[0]);
    String alphabet = "{}[]\":, \nabcdetrufalsn0123.-é";
    for (int i = 0; i < more; i++) {
      StringBuilder text = new StringBuilder();
      for (int length = random.nextInt(1, 6); length > 0; length--)
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      tokens.add(text.toString().getBytes(StandardCharsets.UTF_8));
    }
    return tokens.toArray(byte[][]::new);
  }

  private static boolean alive(Grammar.State state, byte[] token) {
    Grammar.State at = state;
    for (byte value : token) {
      at = at.after(Byte.toUnsignedInt(value));
      if (at.dead() && !at.accepting()) return false;
    }
    return token.length > 0;
  }

  @Test
  void aMaskHasExactlyTheTokensThatCanFollow() {
    byte[][] tokens = tokens(3000);
    TokenTrie trie = new TokenTrie(tokens);
    Grammar grammar =
        Constraints.compile(
            new Constraint.Schema(
                new Json(
                    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":[\"boolean\",\"null\"]},"
                        + "\"b\":{\"type\":\"string\",\"maxLength\":3}},\"required\":[\"a\"]}")));
    var random = new SplittableRandom(2);
    for (int walk = 0; walk < 30; walk++) {
      Grammar.State state = grammar.start();
      for (int step = 0; step < 30; step++) {
        long[] mask = state.mask(trie);
        List<Integer> allowed = new ArrayList<>();
        for (int id = 0; id < tokens.length; id++) {
          boolean bit = (mask[id >> 6] >>> id & 1) != 0;
          assertThat(bit).as("%s", (Object) tokens[id]).isEqualTo(alive(state, tokens[id]));
          if (bit) allowed.add(id);
        }
        if (allowed.isEmpty()) break;
        for (byte value : tokens[allowed.get(random.nextInt(allowed.size()))])
          state = state.after(Byte.toUnsignedInt(value));
      }
    }
  }

  @Test
  void aCharacterMayBeCutByTokens() {
    byte[][] tokens = tokens(0);
    TokenTrie trie = new TokenTrie(tokens);
    Grammar grammar = Constraints.compile(new Constraint.Literal("a😀\""));
    try (var workers = Executors.newSingleThreadExecutor()) {
      Guide guide = new Guide(grammar, trie, workers);
      int head = 256 + 10;
      assertThat(guide.mask().ids().contains('a')).isTrue();
      guide.drawn('a');
      assertThat(guide.mask().ids().contains(256 + 9)).isTrue();
      assertThat(guide.mask().ids().contains(head)).isTrue();
      guide.drawn(head);
      assertThat(guide.mask().ids().contains(head + 1)).isTrue();
      assertThat(guide.mask().complete()).isFalse();
      guide.drawn(head + 1);
      assertThat(guide.mask().complete()).isTrue();
      assertThat(guide.mask().finished()).isTrue();
      workers.shutdown();
      assertThat(workers.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void theFirstAppearanceOfAMarkerEndsFreeText() {
    Grammar grammar =
        Constraints.compile(
            new Constraint.Concat(
                List.of(new Constraint.Until("</t></t>"), new Constraint.Literal("1"))));
    assertThat(grammar.accepts("x</t></t></t>1")).isFalse();
    assertThat(grammar.accepts("é</t></t>1")).isTrue();
    assertThat(grammar.accepts("</t></</t></t>1")).isTrue();
    assertThat(grammar.accepts("</t>1")).isFalse();
    Grammar twice = Constraints.compile(new Constraint.Repeat(new Constraint.Literal("ab"), 1, 2));
    assertThat(twice.accepts("ab")).isTrue();
    assertThat(twice.accepts("abab")).isTrue();
    assertThat(twice.accepts("ababab")).isFalse();
    assertThat(twice.accepts("")).isFalse();
  }
}
