package dev.turnstone.rollout;

import java.util.Arrays;
import java.util.Objects;

/// Immutable token ids with value equality.
public final class Tokens {
  public static final Tokens NONE = new Tokens(new int[0]);

  /// Letters of the largest id and a comma.
  private static final int LONGEST = 11;

  private final int[] ids;

  private Tokens(int[] ids) {
    this.ids = ids;
  }

  public static Tokens of(int... ids) {
    return ids.length == 0 ? NONE : new Tokens(ids.clone());
  }

  /// The ids of an array that nobody changes any more.
  public static Tokens owned(int[] ids) {
    return ids.length == 0 ? NONE : new Tokens(ids);
  }

  public int size() {
    return ids.length;
  }

  public boolean isEmpty() {
    return ids.length == 0;
  }

  public int get(int index) {
    return ids[index];
  }

  public int last() {
    return ids[ids.length - 1];
  }

  public Tokens plus(Tokens other) {
    if (other.isEmpty()) return this;
    if (isEmpty()) return other;
    int[] joined = Arrays.copyOf(ids, ids.length + other.ids.length);
    System.arraycopy(other.ids, 0, joined, ids.length, other.ids.length);
    return new Tokens(joined);
  }

  /// Ids from `start` (inclusive) to `end` (exclusive).
  public Tokens slice(int start, int end) {
    Objects.checkFromToIndex(start, end, ids.length);
    return start == end ? NONE : new Tokens(Arrays.copyOfRange(ids, start, end));
  }

  /// The last ids, at most `count`.
  public Tokens tail(int count) {
    return slice(Math.max(0, ids.length - count), ids.length);
  }

  public boolean startsWith(Tokens prefix) {
    return prefix.size() <= size()
        && Arrays.equals(ids, 0, prefix.size(), prefix.ids, 0, prefix.size());
  }

  /// Copies all ids into `target` from `at` on.
  ///
  /// @return where they end
  public int copyTo(int[] target, int at) {
    System.arraycopy(ids, 0, target, at, ids.length);
    return at + ids.length;
  }

  /// The ids as an array of JSON, in ASCII. Prompts have thousands of them and go over wires with
  /// every turn, so this is made in one piece.
  public byte[] toJson() {
    byte[] json = new byte[2 + ids.length * LONGEST];
    json[0] = '[';
    int at = 1;
    for (int id : ids) {
      at = write(id, json, at);
      json[at++] = ',';
    }
    // The bracket stands in the last comma's place.
    at = Math.max(2, at);
    json[at - 1] = ']';
    return Arrays.copyOf(json, at);
  }

  private static int write(int id, byte[] json, int at) {
    if (id < 0) throw new IllegalStateException("a negative id: " + id);
    int end = at + digits(id);
    int rest = id;
    for (int i = end - 1; i > at; i--) {
      int tenth = rest / 10;
      json[i] = (byte) ('0' + rest - 10 * tenth);
      rest = tenth;
    }
    json[at] = (byte) ('0' + rest);
    return end;
  }

  private static int digits(int id) {
    if (id < 1000) return id < 10 ? 1 : id < 100 ? 2 : 3;
    int digits = 4;
    for (int rest = id / 10_000; rest > 0; rest /= 10) digits++;
    return digits;
  }

  public int[] toArray() {
    return ids.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Tokens tokens && Arrays.equals(ids, tokens.ids);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(ids);
  }

  @Override
  public String toString() {
    return Arrays.toString(ids);
  }
}
