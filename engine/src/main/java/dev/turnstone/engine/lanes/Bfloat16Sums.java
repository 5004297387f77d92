package dev.turnstone.engine.lanes;

import static dev.turnstone.engine.lanes.Bfloat16Attention.high;
import static dev.turnstone.engine.lanes.Bfloat16Attention.low;

import dev.turnstone.engine.Model;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/// Weighted sums of bf16 values for one to four heads: four vectors of dimensions at once, `a` to
/// `d`, token by token.
///
/// Written out for each number of heads, because a vector in an array is no register.
final class Bfloat16Sums {
  private Bfloat16Sums() {}

  /// @param dims bytes from a token's value to the dimensions
  /// @param row bytes of a token's value
  static void gather(
      long[] values,
      int first,
      int end,
      long dims,
      int row,
      float[] w,
      int stride,
      int heads,
      float[] sums,
      int to,
      int width) {
    switch (heads) {
      case 1 -> gather1(values, first, end, dims, row, w, sums, to);
      case 2 -> gather2(values, first, end, dims, row, w, stride, sums, to, width);
      case 3 -> gather3(values, first, end, dims, row, w, stride, sums, to, width);
      default -> gather4(values, first, end, dims, row, w, stride, sums, to, width);
    }
  }

  private static void gather1(
      long[] values, int first, int end, long dims, int row, float[] w, float[] sums, int to) {
    FloatVector a0 = Simd.zero(), b0 = Simd.zero(), c0 = Simd.zero(), d0 = Simd.zero();
    for (int t = first; t < end; t++) {
      long at = values[t / Model.BLOCK] + dims + (long) row * (t % Model.BLOCK);
      IntVector x = Simd.ints(at);
      IntVector y = Simd.ints(at + Simd.INTS.vectorByteSize());
      FloatVector va = low(x), vb = high(x), vc = low(y), vd = high(y);
      FloatVector w0 = Simd.all(w[t]);
      a0 = va.fma(w0, a0);
      b0 = vb.fma(w0, b0);
      c0 = vc.fma(w0, c0);
      d0 = vd.fma(w0, d0);
    }
    a0.intoArray(sums, to);
    b0.intoArray(sums, to + Simd.WIDTH);
    c0.intoArray(sums, to + 2 * Simd.WIDTH);
    d0.intoArray(sums, to + 3 * Simd.WIDTH);
  }

  private static void gather2(
      long[] values,
      int first,
      int end,
      long dims,
      int row,
      float[] w,
      int stride,
      float[] sums,
      int to,
      int width) {
    FloatVector a0 = Simd.zero(),
        b0 = Simd.zero(),
        c0 = Simd.zero(),
        d0 = Simd.zero(),
        a1 = Simd.zero(),
        b1 = Simd.zero(),
        c1 = Simd.zero(),
        d1 = Simd.zero();
    for (int t = first; t < end; t++) {
      long at = values[t / Model.BLOCK] + dims + (long) row * (t % Model.BLOCK);
      IntVector x = Simd.ints(at);
      IntVector y = Simd.ints(at + Simd.INTS.vectorByteSize());
      FloatVector va = low(x), vb = high(x), vc = low(y), vd = high(y);
      FloatVector w0 = Simd.all(w[t]);
      a0 = va.fma(w0, a0);
      b0 = vb.fma(w0, b0);
      c0 = vc.fma(w0, c0);
      d0 = vd.fma(w0, d0);
      FloatVector w1 = Simd.all(w[t + stride]);
      a1 = va.fma(w1, a1);
      b1 = vb.fma(w1, b1);
      c1 = vc.fma(w1, c1);
      d1 = vd.fma(w1, d1);
    }
    a0.intoArray(sums, to);
    b0.intoArray(sums, to + Simd.WIDTH);
    c0.intoArray(sums, to + 2 * Simd.WIDTH);
    d0.intoArray(sums, to + 3 * Simd.WIDTH);
    a1.intoArray(sums, to + width);
    b1.intoArray(sums, to + width + Simd.WIDTH);
    c1.intoArray(sums, to + width + 2 * Simd.WIDTH);
    d1.intoArray(sums, to + width + 3 * Simd.WIDTH);
  }

  private static void gather3(
      long[] values,
      int first,
      int end,
      long dims,
      int row,
      float[] w,
      int stride,
      float[] sums,
      int to,
      int width) {
    FloatVector a0 = Simd.zero(),
        b0 = Simd.zero(),
        c0 = Simd.zero(),
        d0 = Simd.zero(),
        a1 = Simd.zero(),
        b1 = Simd.zero(),
        c1 = Simd.zero(),
        d1 = Simd.zero(),
        a2 = Simd.zero(),
        b2 = Simd.zero(),
        c2 = Simd.zero(),
        d2 = Simd.zero();
    for (int t = first; t < end; t++) {
      long at = values[t / Model.BLOCK] + dims + (long) row * (t % Model.BLOCK);
      IntVector x = Simd.ints(at);
      IntVector y = Simd.ints(at + Simd.INTS.vectorByteSize());
      FloatVector va = low(x), vb = high(x), vc = low(y), vd = high(y);
      FloatVector w0 = Simd.all(w[t]);
      a0 = va.fma(w0, a0);
      b0 = vb.fma(w0, b0);
      c0 = vc.fma(w0, c0);
      d0 = vd.fma(w0, d0);
      FloatVector w1 = Simd.all(w[t + stride]);
      a1 = va.fma(w1, a1);
      b1 = vb.fma(w1, b1);
      c1 = vc.fma(w1, c1);
      d1 = vd.fma(w1, d1);
      FloatVector w2 = Simd.all(w[t + 2 * stride]);
      a2 = va.fma(w2, a2);
      b2 = vb.fma(w2, b2);
      c2 = vc.fma(w2, c2);
      d2 = vd.fma(w2, d2);
    }
    a0.intoArray(sums, to);
    b0.intoArray(sums, to + Simd.WIDTH);
    c0.intoArray(sums, to + 2 * Simd.WIDTH);
    d0.intoArray(sums, to + 3 * Simd.WIDTH);
    a1.intoArray(sums, to + width);
    b1.intoArray(sums, to + width + Simd.WIDTH);
    c1.intoArray(sums, to + width + 2 * Simd.WIDTH);
    d1.intoArray(sums, to + width + 3 * Simd.WIDTH);
    a2.intoArray(sums, to + 2 * width);
    b2.intoArray(sums, to + 2 * width + Simd.WIDTH);
    c2.intoArray(sums, to + 2 * width + 2 * Simd.WIDTH);
    d2.intoArray(sums, to + 2 * width + 3 * Simd.WIDTH);
  }

  private static void gather4(
      long[] values,
      int first,
      int end,
      long dims,
      int row,
      float[] w,
      int stride,
      float[] sums,
      int to,
      int width) {
    FloatVector a0 = Simd.zero(),
        b0 = Simd.zero(),
        c0 = Simd.zero(),
        d0 = Simd.zero(),
        a1 = Simd.zero(),
        b1 = Simd.zero(),
        c1 = Simd.zero(),
        d1 = Simd.zero(),
        a2 = Simd.zero(),
        b2 = Simd.zero(),
        c2 = Simd.zero(),
        d2 = Simd.zero(),
        a3 = Simd.zero(),
        b3 = Simd.zero(),
        c3 = Simd.zero(),
        d3 = Simd.zero();
    for (int t = first; t < end; t++) {
      long at = values[t / Model.BLOCK] + dims + (long) row * (t % Model.BLOCK);
      IntVector x = Simd.ints(at);
      IntVector y = Simd.ints(at + Simd.INTS.vectorByteSize());
      FloatVector va = low(x), vb = high(x), vc = low(y), vd = high(y);
      FloatVector w0 = Simd.all(w[t]);
      a0 = va.fma(w0, a0);
      b0 = vb.fma(w0, b0);
      c0 = vc.fma(w0, c0);
      d0 = vd.fma(w0, d0);
      FloatVector w1 = Simd.all(w[t + stride]);
      a1 = va.fma(w1, a1);
      b1 = vb.fma(w1, b1);
      c1 = vc.fma(w1, c1);
      d1 = vd.fma(w1, d1);
      FloatVector w2 = Simd.all(w[t + 2 * stride]);
      a2 = va.fma(w2, a2);
      b2 = vb.fma(w2, b2);
      c2 = vc.fma(w2, c2);
      d2 = vd.fma(w2, d2);
      FloatVector w3 = Simd.all(w[t + 3 * stride]);
      a3 = va.fma(w3, a3);
      b3 = vb.fma(w3, b3);
      c3 = vc.fma(w3, c3);
      d3 = vd.fma(w3, d3);
    }
    a0.intoArray(sums, to);
    b0.intoArray(sums, to + Simd.WIDTH);
    c0.intoArray(sums, to + 2 * Simd.WIDTH);
    d0.intoArray(sums, to + 3 * Simd.WIDTH);
    a1.intoArray(sums, to + width);
    b1.intoArray(sums, to + width + Simd.WIDTH);
    c1.intoArray(sums, to + width + 2 * Simd.WIDTH);
    d1.intoArray(sums, to + width + 3 * Simd.WIDTH);
    a2.intoArray(sums, to + 2 * width);
    b2.intoArray(sums, to + 2 * width + Simd.WIDTH);
    c2.intoArray(sums, to + 2 * width + 2 * Simd.WIDTH);
    d2.intoArray(sums, to + 2 * width + 3 * Simd.WIDTH);
    a3.intoArray(sums, to + 3 * width);
    b3.intoArray(sums, to + 3 * width + Simd.WIDTH);
    c3.intoArray(sums, to + 3 * width + 2 * Simd.WIDTH);
    d3.intoArray(sums, to + 3 * width + 3 * Simd.WIDTH);
  }
}
