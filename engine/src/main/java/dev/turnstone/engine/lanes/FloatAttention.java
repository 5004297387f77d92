package dev.turnstone.engine.lanes;

import dev.turnstone.engine.Model;
import jdk.incubator.vector.FloatVector;

/// Attention over f32, head by head. Keys lie as `[headDim][16 tokens]`, values as `[16
/// tokens][headDim]`; what a load brings beyond a value's end is not used.
final class FloatAttention implements AttentionKernel {
  private final int headDim;
  private final int width;

  FloatAttention(int headDim) {
    this.headDim = headDim;
    this.width = Math.ceilDiv(headDim, Simd.WIDTH) * Simd.WIDTH;
  }

  @Override
  public long keyBytes() {
    return (long) Model.BLOCK * headDim * Float.BYTES;
  }

  @Override
  public long valueBytes() {
    return (long) Model.BLOCK * headDim * Float.BYTES;
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public void writeKey(long keys, int offset, float[] key) {
    for (int i = 0; i < headDim; i++) Simd.put(keys + 4L * (i * Model.BLOCK + offset), key[i]);
  }

  @Override
  public void writeValue(long values, int offset, float[] value) {
    for (int i = 0; i < headDim; i++) Simd.put(values + 4L * (offset * headDim + i), value[i]);
  }

  @Override
  public void copy(long keys, long values, int tokens, long keyRows, long valueRows) {
    for (int token = 0; token < tokens; token++)
      for (int i = 0; i < headDim; i++) {
        long to = 4L * (token * headDim + i);
        Simd.put(keyRows + to, Simd.get(keys + 4L * (i * Model.BLOCK + token)));
        Simd.put(valueRows + to, Simd.get(values + 4L * (token * headDim + i)));
      }
  }

  @Override
  public int score(
      long[] keys, int token, float[] query, int from, int heads, float[] scores, int stride) {
    for (int head = 0; head < heads; head++)
      score(keys, token, query, from + head * headDim, scores, head * stride + token);
    return 0;
  }

  private void score(long[] keys, int token, float[] query, int from, float[] scores, int to) {
    long a = strip(keys, token);
    long b = strip(keys, token + Simd.WIDTH);
    FloatVector aEven = Simd.zero();
    FloatVector aOdd = Simd.zero();
    FloatVector bEven = Simd.zero();
    FloatVector bOdd = Simd.zero();
    for (int i = 0; i < headDim; i += 2) {
      long row = 4L * Model.BLOCK * i;
      FloatVector q = Simd.all(query[from + i]);
      FloatVector r = Simd.all(query[from + i + 1]);
      aEven = Simd.floats(a + row).fma(q, aEven);
      bEven = Simd.floats(b + row).fma(q, bEven);
      aOdd = Simd.floats(a + row + 4L * Model.BLOCK).fma(r, aOdd);
      bOdd = Simd.floats(b + row + 4L * Model.BLOCK).fma(r, bOdd);
    }
    aEven.add(aOdd).intoArray(scores, to);
    bEven.add(bOdd).intoArray(scores, to + Simd.WIDTH);
  }

  private static long strip(long[] keys, int token) {
    return keys[token / Model.BLOCK] + 4L * (token % Model.BLOCK);
  }

  @Override
  public void gather(
      long[] values, int first, int end, float[] weights, int stride, int heads, float[] sums) {
    for (int head = 0; head < heads; head++)
      for (int dimension = 0; dimension < width; dimension += Simd.WIDTH)
        sum(values, first, end, 4L * dimension, weights, head * stride)
            .intoArray(sums, head * width + dimension);
  }

  private FloatVector sum(long[] values, int first, int end, long dims, float[] weights, int from) {
    FloatVector sum = Simd.zero();
    for (int token = first; token < end; token++) {
      long at = values[token / Model.BLOCK] + dims + 4L * headDim * (token % Model.BLOCK);
      sum = Simd.floats(at).fma(Simd.all(weights[from + token]), sum);
    }
    return sum;
  }
}
