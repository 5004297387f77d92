package dev.turnstone.engine.lanes;

import dev.turnstone.engine.Model;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// Attention over bf16. Keys lie as `[headDim / 2][16 tokens][2]`, so that one load brings two
/// dimensions of a vector of tokens; values as `[16 tokens][headDim]`, in which dimension i of a
/// group of two vectors stands beside dimension i + vector's width, so that one load brings both
/// vectors. The last group may be smaller; what a load brings beyond it is not used.
final class Bfloat16Attention implements AttentionKernel {
  private static final int GROUP = 2 * Simd.WIDTH;
  private static final int UPPER = 0xffff0000;

  private final int headDim;
  private final int width;

  Bfloat16Attention(int headDim) {
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN)
      throw new IllegalArgumentException("bf16 attention needs a little-endian machine");
    this.headDim = headDim;
    this.width = Math.ceilDiv(headDim, 2 * GROUP) * 2 * GROUP;
  }

  /// The first of each pair.
  static FloatVector low(IntVector pairs) {
    return pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  /// The second of each pair.
  static FloatVector high(IntVector pairs) {
    return pairs.and(UPPER).reinterpretAsFloats();
  }

  @Override
  public long keyBytes() {
    return (long) Model.BLOCK * headDim * Short.BYTES;
  }

  @Override
  public long valueBytes() {
    return (long) Model.BLOCK * headDim * Short.BYTES;
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public void writeKey(long keys, int offset, float[] key) {
    round(key);
    for (int i = 0; i < headDim; i += 2) {
      int pair = (Float.floatToRawIntBits(key[i]) >>> 16) | Float.floatToRawIntBits(key[i + 1]);
      Simd.MEMORY.set(ValueLayout.JAVA_INT_UNALIGNED, keys + keyPlace(offset, i), pair);
    }
  }

  /// The same of a key that is bf16 already.
  void writeKey(long keys, int offset, long key) {
    for (int i = 0; i < headDim; i += 2)
      Simd.MEMORY.set(
          ValueLayout.JAVA_INT_UNALIGNED,
          keys + keyPlace(offset, i),
          Simd.MEMORY.get(ValueLayout.JAVA_INT_UNALIGNED, key + 2L * i));
  }

  @Override
  public void writeValue(long values, int offset, float[] value) {
    int i = 0;
    for (; i <= headDim - GROUP; i += GROUP)
      pairs(value, i).intoMemorySegment(Simd.MEMORY, values + valuePlace(offset, i), Simd.ORDER);
    for (; i < headDim; i++)
      Simd.MEMORY.set(
          ValueLayout.JAVA_SHORT_UNALIGNED, values + valuePlace(offset, i), (short) bits(value[i]));
  }

  private static void round(float[] values) {
    int i = 0;
    for (; i <= values.length - Simd.WIDTH; i += Simd.WIDTH)
      rounded(FloatVector.fromArray(Simd.FLOATS, values, i))
          .and(UPPER)
          .reinterpretAsFloats()
          .intoArray(values, i);
    for (; i < values.length; i++) values[i] = Float.intBitsToFloat(bits(values[i]) << 16);
  }

  /// A whole group's values as they are stored.
  private static IntVector pairs(float[] value, int from) {
    IntVector low = rounded(FloatVector.fromArray(Simd.FLOATS, value, from));
    IntVector high = rounded(FloatVector.fromArray(Simd.FLOATS, value, from + Simd.WIDTH));
    return low.lanewise(VectorOperators.LSHR, 16).or(high.and(UPPER));
  }

  /// Its upper half is the bf16.
  private static IntVector rounded(FloatVector values) {
    IntVector bits = values.reinterpretAsInts();
    return bits.add(bits.lanewise(VectorOperators.LSHR, 16).and(1)).add(0x7fff);
  }

  private static int bits(float value) {
    return Bfloat16Elements.rounded(value);
  }

  @Override
  public void copy(long keys, long values, int tokens, long keyRows, long valueRows) {
    for (int token = 0; token < tokens; token++) {
      long row = 2L * token * headDim;
      for (int i = 0; i < headDim; i += 2) {
        int pair = Simd.MEMORY.get(ValueLayout.JAVA_INT_UNALIGNED, keys + keyPlace(token, i));
        Simd.MEMORY.set(ValueLayout.JAVA_INT_UNALIGNED, keyRows + row + 2L * i, pair);
      }
      for (int i = 0; i < headDim; i++) {
        short bits =
            Simd.MEMORY.get(ValueLayout.JAVA_SHORT_UNALIGNED, values + valuePlace(token, i));
        Simd.MEMORY.set(ValueLayout.JAVA_SHORT_UNALIGNED, valueRows + row + 2L * i, bits);
      }
    }
  }

  /// Copies a block's keys to where chunks have them as [TileChunks] says.
  ///
  /// @return whether all of them are numbers, and not beyond all measure
  boolean copyKeys(long keys, long tile) {
    boolean numbers = true;
    for (int token = 0; token < Model.BLOCK; token += Simd.WIDTH) {
      FloatVector squares = Simd.zero();
      for (int pair = 0; pair < headDim / 2; pair++) {
        IntVector key = Simd.ints(keys + 4L * (Model.BLOCK * pair + token));
        key.intoMemorySegment(
            Simd.MEMORY, tile + 4L * (TileChunks.BLOCK * pair + token), Simd.ORDER);
        FloatVector low = low(key);
        FloatVector high = high(key);
        squares = high.fma(high, low.fma(low, squares));
      }
      numbers &= squares.compare(VectorOperators.LT, Float.POSITIVE_INFINITY).allTrue();
    }
    return numbers;
  }

  /// Copies the values of one token each of two blocks, which stand in pairs there.
  ///
  /// @param a the first token's value
  /// @param b the second's
  /// @param tile as many pairs as are [#width] dimensions
  void copyValues(long a, long b, long tile) {
    for (int i = 0; i < headDim; i += GROUP) {
      IntVector first = Simd.ints(a + 2L * i);
      IntVector second = Simd.ints(b + 2L * i);
      first
          .and(~UPPER)
          .or(second.lanewise(VectorOperators.LSHL, 16))
          .intoMemorySegment(Simd.MEMORY, tile + 4L * i, Simd.ORDER);
      first
          .lanewise(VectorOperators.LSHR, 16)
          .or(second.and(UPPER))
          .intoMemorySegment(Simd.MEMORY, tile + 4L * (i + half(i)), Simd.ORDER);
    }
  }

  private static long keyPlace(int token, int dimension) {
    return 2L * (2 * Model.BLOCK * (dimension / 2) + 2 * token + dimension % 2);
  }

  private long valuePlace(int token, int dimension) {
    int within = dimension % GROUP;
    int half = half(dimension - within);
    int pair = 2 * (within % half) + within / half;
    return 2L * (token * headDim + dimension - within + pair);
  }

  /// Pairs of the group that begins at a dimension.
  private int half(int group) {
    return Math.min(Simd.WIDTH, (headDim - group) / 2);
  }

  @Override
  public int score(
      long[] keys, int token, float[] query, int from, int heads, float[] scores, int stride) {
    int next = token + STRIPS * Simd.WIDTH;
    return Bfloat16Scores.score(
        strip(keys, token),
        strip(keys, token + Simd.WIDTH),
        strip(keys, next),
        strip(keys, next + Simd.WIDTH),
        headDim / 2,
        query,
        from,
        headDim,
        heads,
        scores,
        token,
        stride);
  }

  private static long strip(long[] keys, int token) {
    return keys[token / Model.BLOCK] + 4L * (token % Model.BLOCK);
  }

  @Override
  public void gather(
      long[] values, int first, int end, float[] weights, int stride, int heads, float[] sums) {
    for (int dimension = 0; dimension < width; dimension += 2 * GROUP)
      Bfloat16Sums.gather(
          values,
          first,
          end,
          2L * dimension,
          2 * headDim,
          weights,
          stride,
          heads,
          sums,
          dimension,
          width);
    closeUp(heads, sums);
  }

  private void closeUp(int heads, float[] sums) {
    int rest = headDim % GROUP;
    if (rest == 0) return;
    // The second of each pair were summed a whole vector after the first.
    for (int head = 0; head < heads; head++) {
      int at = head * width + headDim - rest;
      System.arraycopy(sums, at + Simd.WIDTH, sums, at + rest / 2, rest / 2);
    }
  }
}
