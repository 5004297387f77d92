package dev.turnstone.rollout;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/// Immutable token ids with value equality.
public final class Tokens {
  private static final byte[] UNWRITTEN = {};

  /// The digits of the numbers below ten thousand, the first in the lowest byte.
  private static final int[] FOUR_DIGITS = fourDigits();

  private static final VarHandle FOUR =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  public static final Tokens NONE = new Tokens(new int[0]);

  private final int[] ids;
  private volatile byte[] json = UNWRITTEN;

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

  /// The ids as an array of JSON, in ASCII, which must not be changed. Prompts have thousands of
  /// them and go over two wires with every turn, so this is made once and kept: whoever holds ids
  /// for long holds a [#slice] that was never written.
  public byte[] toJson() {
    if (json.length == 0) json = written();
    return json;
  }

  private byte[] written() {
    if (ids.length == 0) return new byte[] {'[', ']'};
    byte[] all = new byte[1 + ids.length + digits()];
    all[0] = '[';
    int at = 1;
    for (int id : ids) {
      at = write(id, all, at);
      all[at++] = ',';
    }
    // The bracket stands in the last comma's place.
    all[at - 1] = ']';
    return all;
  }

  private int digits() {
    int digits = 0;
    for (int id : ids) {
      if (id < 0) throw new IllegalStateException("a negative id: " + id);
      digits += id < 10 ? 1 : id < 100 ? 2 : id < 1000 ? 3 : 4;
      for (int rest = id / FOUR_DIGITS.length; rest > 0; rest /= 10) digits++;
    }
    return digits;
  }

  /// Four digits at once, of which the leading zeros are shifted out; what is written too many the
  /// next id covers, or at the end is not written.
  private static int write(int id, byte[] all, int at) {
    if (id >= FOUR_DIGITS.length) {
      int end = write(id / FOUR_DIGITS.length, all, at);
      FOUR.set(all, end, FOUR_DIGITS[id % FOUR_DIGITS.length]);
      return end + 4;
    }
    int zeros = id < 10 ? 3 : id < 100 ? 2 : id < 1000 ? 1 : 0;
    int letters = FOUR_DIGITS[id] >>> (Byte.SIZE * zeros);
    int end = at + 4 - zeros;
    if (at + 4 <= all.length) FOUR.set(all, at, letters);
    else for (int i = at; i < end; i++, letters >>>= Byte.SIZE) all[i] = (byte) letters;
    return end;
  }

  private static int[] fourDigits() {
    int[] digits = new int[10_000];
    for (int i = 0; i < digits.length; i++)
      digits[i] = digit(i / 1000, 0) | digit(i / 100, 1) | digit(i / 10, 2) | digit(i, 3);
    return digits;
  }

  private static int digit(int number, int place) {
    return ('0' + number % 10) << (Byte.SIZE * place);
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
