package dev.turnstone.engine.lanes;

import jdk.incubator.vector.FloatVector;

/// Weighted sums of values for some heads of a token, as far as its softmax is known: the largest
/// score, the weights relative to it, and what was summed by them.
final class RowSums {
  final float[] mosts = new float[AttentionKernel.MOST_HEADS];
  final float[] totals = new float[AttentionKernel.MOST_HEADS];

  /// `[heads, width]`.
  final float[] values;

  private final int width;

  RowSums(int width) {
    this.width = width;
    values = new float[AttentionKernel.MOST_HEADS * width];
  }

  /// Takes a head of other sums as it is.
  void set(RowSums other, int head) {
    mosts[head] = other.mosts[head];
    totals[head] = other.totals[head];
    System.arraycopy(other.values, head * width, values, head * width, width);
  }

  /// Adds the same head of sums over other tokens.
  void add(RowSums other, int head) {
    float most = Math.max(mosts[head], other.mosts[head]);
    // The same bits in interpreter and compiler.
    float mine = (float) StrictMath.exp(mosts[head] - most);
    float others = (float) StrictMath.exp(other.mosts[head] - most);
    mosts[head] = most;
    totals[head] = totals[head] * mine + other.totals[head] * others;
    for (int i = head * width; i < (head + 1) * width; i += Simd.WIDTH)
      FloatVector.fromArray(Simd.FLOATS, values, i)
          .mul(mine)
          .add(FloatVector.fromArray(Simd.FLOATS, other.values, i).mul(others))
          .intoArray(values, i);
  }
}
