package dev.turnstone.engine.grammar;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/// The tokens of a vocabulary by their bytes, in the order of a walk through their trie: a token's
/// prefix is met before it, and what has a prefix is skipped with it.
public final class TokenTrie {
  private static final int MOST_BYTES = 1 << 16;

  private final int vocabulary;
  private final byte[][] tokens;
  private final byte[] values; // the byte that leads to a node
  private final int[] depths; // from 1
  private final int[] skips; // the node after those below
  private final int[] ids; // first token that ends at a node, or -1
  private final int[] same; // next token of the same bytes, or -1
  private final int deepest;

  /// Stands before the name of a special token, and in no text: UTF-8 has no such byte.
  private static final int SPECIAL = 0xff;

  /// The trie of a vocabulary.
  ///
  /// @param tokens bytes of each id, as [#text] and [#special] make them; ids without bytes are in
  ///   no text
  public TokenTrie(byte[][] tokens) {
    this.tokens = tokens;
    vocabulary = tokens.length;
    same = new int[vocabulary];
    Arrays.fill(same, -1);
    int[] sorted =
        IntStream.range(0, vocabulary)
            .filter(id -> tokens[id].length > 0 && tokens[id].length < MOST_BYTES)
            .boxed()
            .sorted(
                Comparator.<Integer, byte[]>comparing(id -> tokens[id], Arrays::compareUnsigned)
                    .thenComparing(id -> id))
            .mapToInt(id -> id)
            .toArray();
    int nodes = 0;
    byte[] before = {};
    for (int id : sorted) {
      nodes += tokens[id].length - common(before, tokens[id]);
      before = tokens[id];
    }
    values = new byte[nodes];
    depths = new int[nodes];
    skips = new int[nodes];
    ids = new int[nodes];
    Arrays.fill(ids, -1);
    deepest = fill(sorted);
  }

  /// The bytes of an ordinary token; none if they could not stand in a text.
  public static byte[] text(byte[] bytes) {
    for (byte value : bytes) if (Byte.toUnsignedInt(value) == SPECIAL) return new byte[0];
    return bytes;
  }

  /// What stands for a special token: only a [dev.turnstone.rollout.Constraint.Tag] asks for one.
  public static byte[] special(byte[] name) {
    byte[] bytes = new byte[name.length + 1];
    bytes[0] = (byte) SPECIAL;
    System.arraycopy(name, 0, bytes, 1, name.length);
    return bytes;
  }

  /// The special token of a name.
  static Part tag(String name) {
    return Part.sequence(Part.bytes(ByteSet.of(SPECIAL)), Part.literal(name));
  }

  private int fill(int[] sorted) {
    int at = 0;
    int deepest = 0;
    byte[] before = {};
    int last = -1;
    int[] path = new int[MOST_BYTES];
    for (int id : sorted) {
      byte[] token = tokens[id];
      int shared = common(before, token);
      for (int depth = before.length; depth > shared; depth--) skips[path[depth]] = at;
      for (int i = shared; i < token.length; i++, at++) {
        values[at] = token[i];
        depths[at] = i + 1;
        path[i + 1] = at;
      }
      if (shared == token.length) same[last] = id;
      else ids[at - 1] = id;
      last = id;
      before = token;
      deepest = Math.max(deepest, token.length);
    }
    for (int depth = before.length; depth > 0; depth--) skips[path[depth]] = at;
    return deepest;
  }

  private static int common(byte[] a, byte[] b) {
    int mismatch = Arrays.mismatch(a, b);
    return mismatch < 0 ? a.length : mismatch;
  }

  /// Whether a single token stands for the byte.
  public boolean has(int value) {
    for (int node = 0; node < values.length; node = skips[node])
      if (Byte.toUnsignedInt(values[node]) == value) return ids[node] >= 0;
    return false;
  }

  byte[] bytes(int id) {
    return tokens[id];
  }

  /// The tokens after which a text can still become complete.
  long[] mask(Grammar.State from) {
    long[] mask = new long[Math.ceilDiv(vocabulary, Long.SIZE)];
    Grammar.State[] path = new Grammar.State[deepest + 1];
    path[0] = from;
    int node = 0;
    while (node < values.length) {
      int depth = depths[node];
      Grammar.State state = path[depth - 1].after(Byte.toUnsignedInt(values[node]));
      if (state.dead() && !state.accepting()) {
        node = skips[node];
        continue;
      }
      path[depth] = state;
      for (int id = ids[node]; id >= 0; id = same[id]) mask[id >> 6] |= 1L << id;
      node++;
    }
    return mask;
  }
}
