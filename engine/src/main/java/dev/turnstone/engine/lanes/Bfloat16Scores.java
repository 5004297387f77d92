package dev.turnstone.engine.lanes;

import static dev.turnstone.engine.lanes.Bfloat16Attention.high;
import static dev.turnstone.engine.lanes.Bfloat16Attention.low;

import dev.turnstone.engine.Model;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/// Queries of one to four heads times bf16 keys: four vectors of tokens at once, `a` to `d`, which
/// hides the latency of multiply-add.
///
/// Written out for each number of heads, because a vector in an array is no register. A pair of
/// dimensions is one load; heads 0 to 3 stand in the names of what belongs to them.
final class Bfloat16Scores {
  /// Bytes of a pair of dimensions of a block's tokens.
  private static final int ROW = 2 * Short.BYTES * Model.BLOCK;

  private Bfloat16Scores() {}

  static void score(
      long a,
      long b,
      long c,
      long d,
      int pairs,
      float[] q,
      int from,
      int dim,
      int heads,
      float[] s,
      int to,
      int stride) {
    switch (heads) {
      case 1 -> score1(a, b, c, d, pairs, q, from, s, to);
      case 2 -> score2(a, b, c, d, pairs, q, from, dim, s, to, stride);
      case 3 -> score3(a, b, c, d, pairs, q, from, dim, s, to, stride);
      default -> score4(a, b, c, d, pairs, q, from, dim, s, to, stride);
    }
  }

  private static void score1(
      long a, long b, long c, long d, int pairs, float[] q, int from, float[] s, int to) {
    FloatVector a0 = Simd.zero(), b0 = Simd.zero(), c0 = Simd.zero(), d0 = Simd.zero();
    for (int i = 0; i < pairs; i++) {
      long row = (long) ROW * i;
      int at = from + 2 * i;
      FloatVector q0 = Simd.all(q[at]);
      FloatVector r0 = Simd.all(q[at + 1]);
      IntVector ak = Simd.ints(a + row);
      a0 = low(ak).fma(q0, a0);
      a0 = high(ak).fma(r0, a0);
      IntVector bk = Simd.ints(b + row);
      b0 = low(bk).fma(q0, b0);
      b0 = high(bk).fma(r0, b0);
      IntVector ck = Simd.ints(c + row);
      c0 = low(ck).fma(q0, c0);
      c0 = high(ck).fma(r0, c0);
      IntVector dk = Simd.ints(d + row);
      d0 = low(dk).fma(q0, d0);
      d0 = high(dk).fma(r0, d0);
    }
    a0.intoArray(s, to);
    b0.intoArray(s, to + Simd.WIDTH);
    c0.intoArray(s, to + 2 * Simd.WIDTH);
    d0.intoArray(s, to + 3 * Simd.WIDTH);
  }

  private static void score2(
      long a,
      long b,
      long c,
      long d,
      int pairs,
      float[] q,
      int from,
      int dim,
      float[] s,
      int to,
      int stride) {
    FloatVector a0 = Simd.zero(),
        a1 = Simd.zero(),
        b0 = Simd.zero(),
        b1 = Simd.zero(),
        c0 = Simd.zero(),
        c1 = Simd.zero(),
        d0 = Simd.zero(),
        d1 = Simd.zero();
    for (int i = 0; i < pairs; i++) {
      long row = (long) ROW * i;
      int at = from + 2 * i;
      FloatVector q0 = Simd.all(q[at]);
      FloatVector r0 = Simd.all(q[at + 1]);
      FloatVector q1 = Simd.all(q[at + 1 * dim]);
      FloatVector r1 = Simd.all(q[at + 1 * dim + 1]);
      IntVector ak = Simd.ints(a + row);
      a0 = low(ak).fma(q0, a0);
      a1 = low(ak).fma(q1, a1);
      a0 = high(ak).fma(r0, a0);
      a1 = high(ak).fma(r1, a1);
      IntVector bk = Simd.ints(b + row);
      b0 = low(bk).fma(q0, b0);
      b1 = low(bk).fma(q1, b1);
      b0 = high(bk).fma(r0, b0);
      b1 = high(bk).fma(r1, b1);
      IntVector ck = Simd.ints(c + row);
      c0 = low(ck).fma(q0, c0);
      c1 = low(ck).fma(q1, c1);
      c0 = high(ck).fma(r0, c0);
      c1 = high(ck).fma(r1, c1);
      IntVector dk = Simd.ints(d + row);
      d0 = low(dk).fma(q0, d0);
      d1 = low(dk).fma(q1, d1);
      d0 = high(dk).fma(r0, d0);
      d1 = high(dk).fma(r1, d1);
    }
    a0.intoArray(s, to);
    b0.intoArray(s, to + Simd.WIDTH);
    c0.intoArray(s, to + 2 * Simd.WIDTH);
    d0.intoArray(s, to + 3 * Simd.WIDTH);
    a1.intoArray(s, to + stride);
    b1.intoArray(s, to + stride + Simd.WIDTH);
    c1.intoArray(s, to + stride + 2 * Simd.WIDTH);
    d1.intoArray(s, to + stride + 3 * Simd.WIDTH);
  }

  private static void score3(
      long a,
      long b,
      long c,
      long d,
      int pairs,
      float[] q,
      int from,
      int dim,
      float[] s,
      int to,
      int stride) {
    FloatVector a0 = Simd.zero(),
        a1 = Simd.zero(),
        a2 = Simd.zero(),
        b0 = Simd.zero(),
        b1 = Simd.zero(),
        b2 = Simd.zero(),
        c0 = Simd.zero(),
        c1 = Simd.zero(),
        c2 = Simd.zero(),
        d0 = Simd.zero(),
        d1 = Simd.zero(),
        d2 = Simd.zero();
    for (int i = 0; i < pairs; i++) {
      long row = (long) ROW * i;
      int at = from + 2 * i;
      FloatVector q0 = Simd.all(q[at]);
      FloatVector r0 = Simd.all(q[at + 1]);
      FloatVector q1 = Simd.all(q[at + 1 * dim]);
      FloatVector r1 = Simd.all(q[at + 1 * dim + 1]);
      FloatVector q2 = Simd.all(q[at + 2 * dim]);
      FloatVector r2 = Simd.all(q[at + 2 * dim + 1]);
      IntVector ak = Simd.ints(a + row);
      a0 = low(ak).fma(q0, a0);
      a1 = low(ak).fma(q1, a1);
      a2 = low(ak).fma(q2, a2);
      a0 = high(ak).fma(r0, a0);
      a1 = high(ak).fma(r1, a1);
      a2 = high(ak).fma(r2, a2);
      IntVector bk = Simd.ints(b + row);
      b0 = low(bk).fma(q0, b0);
      b1 = low(bk).fma(q1, b1);
      b2 = low(bk).fma(q2, b2);
      b0 = high(bk).fma(r0, b0);
      b1 = high(bk).fma(r1, b1);
      b2 = high(bk).fma(r2, b2);
      IntVector ck = Simd.ints(c + row);
      c0 = low(ck).fma(q0, c0);
      c1 = low(ck).fma(q1, c1);
      c2 = low(ck).fma(q2, c2);
      c0 = high(ck).fma(r0, c0);
      c1 = high(ck).fma(r1, c1);
      c2 = high(ck).fma(r2, c2);
      IntVector dk = Simd.ints(d + row);
      d0 = low(dk).fma(q0, d0);
      d1 = low(dk).fma(q1, d1);
      d2 = low(dk).fma(q2, d2);
      d0 = high(dk).fma(r0, d0);
      d1 = high(dk).fma(r1, d1);
      d2 = high(dk).fma(r2, d2);
    }
    a0.intoArray(s, to);
    b0.intoArray(s, to + Simd.WIDTH);
    c0.intoArray(s, to + 2 * Simd.WIDTH);
    d0.intoArray(s, to + 3 * Simd.WIDTH);
    a1.intoArray(s, to + stride);
    b1.intoArray(s, to + stride + Simd.WIDTH);
    c1.intoArray(s, to + stride + 2 * Simd.WIDTH);
    d1.intoArray(s, to + stride + 3 * Simd.WIDTH);
    a2.intoArray(s, to + 2 * stride);
    b2.intoArray(s, to + 2 * stride + Simd.WIDTH);
    c2.intoArray(s, to + 2 * stride + 2 * Simd.WIDTH);
    d2.intoArray(s, to + 2 * stride + 3 * Simd.WIDTH);
  }

  private static void score4(
      long a,
      long b,
      long c,
      long d,
      int pairs,
      float[] q,
      int from,
      int dim,
      float[] s,
      int to,
      int stride) {
    FloatVector a0 = Simd.zero(),
        a1 = Simd.zero(),
        a2 = Simd.zero(),
        a3 = Simd.zero(),
        b0 = Simd.zero(),
        b1 = Simd.zero(),
        b2 = Simd.zero(),
        b3 = Simd.zero(),
        c0 = Simd.zero(),
        c1 = Simd.zero(),
        c2 = Simd.zero(),
        c3 = Simd.zero(),
        d0 = Simd.zero(),
        d1 = Simd.zero(),
        d2 = Simd.zero(),
        d3 = Simd.zero();
    for (int i = 0; i < pairs; i++) {
      long row = (long) ROW * i;
      int at = from + 2 * i;
      FloatVector q0 = Simd.all(q[at]);
      FloatVector r0 = Simd.all(q[at + 1]);
      FloatVector q1 = Simd.all(q[at + 1 * dim]);
      FloatVector r1 = Simd.all(q[at + 1 * dim + 1]);
      FloatVector q2 = Simd.all(q[at + 2 * dim]);
      FloatVector r2 = Simd.all(q[at + 2 * dim + 1]);
      FloatVector q3 = Simd.all(q[at + 3 * dim]);
      FloatVector r3 = Simd.all(q[at + 3 * dim + 1]);
      IntVector ak = Simd.ints(a + row);
      a0 = low(ak).fma(q0, a0);
      a1 = low(ak).fma(q1, a1);
      a2 = low(ak).fma(q2, a2);
      a3 = low(ak).fma(q3, a3);
      a0 = high(ak).fma(r0, a0);
      a1 = high(ak).fma(r1, a1);
      a2 = high(ak).fma(r2, a2);
      a3 = high(ak).fma(r3, a3);
      IntVector bk = Simd.ints(b + row);
      b0 = low(bk).fma(q0, b0);
      b1 = low(bk).fma(q1, b1);
      b2 = low(bk).fma(q2, b2);
      b3 = low(bk).fma(q3, b3);
      b0 = high(bk).fma(r0, b0);
      b1 = high(bk).fma(r1, b1);
      b2 = high(bk).fma(r2, b2);
      b3 = high(bk).fma(r3, b3);
      IntVector ck = Simd.ints(c + row);
      c0 = low(ck).fma(q0, c0);
      c1 = low(ck).fma(q1, c1);
      c2 = low(ck).fma(q2, c2);
      c3 = low(ck).fma(q3, c3);
      c0 = high(ck).fma(r0, c0);
      c1 = high(ck).fma(r1, c1);
      c2 = high(ck).fma(r2, c2);
      c3 = high(ck).fma(r3, c3);
      IntVector dk = Simd.ints(d + row);
      d0 = low(dk).fma(q0, d0);
      d1 = low(dk).fma(q1, d1);
      d2 = low(dk).fma(q2, d2);
      d3 = low(dk).fma(q3, d3);
      d0 = high(dk).fma(r0, d0);
      d1 = high(dk).fma(r1, d1);
      d2 = high(dk).fma(r2, d2);
      d3 = high(dk).fma(r3, d3);
    }
    a0.intoArray(s, to);
    b0.intoArray(s, to + Simd.WIDTH);
    c0.intoArray(s, to + 2 * Simd.WIDTH);
    d0.intoArray(s, to + 3 * Simd.WIDTH);
    a1.intoArray(s, to + stride);
    b1.intoArray(s, to + stride + Simd.WIDTH);
    c1.intoArray(s, to + stride + 2 * Simd.WIDTH);
    d1.intoArray(s, to + stride + 3 * Simd.WIDTH);
    a2.intoArray(s, to + 2 * stride);
    b2.intoArray(s, to + 2 * stride + Simd.WIDTH);
    c2.intoArray(s, to + 2 * stride + 2 * Simd.WIDTH);
    d2.intoArray(s, to + 2 * stride + 3 * Simd.WIDTH);
    a3.intoArray(s, to + 3 * stride);
    b3.intoArray(s, to + 3 * stride + Simd.WIDTH);
    c3.intoArray(s, to + 3 * stride + 2 * Simd.WIDTH);
    d3.intoArray(s, to + 3 * stride + 3 * Simd.WIDTH);
  }
}
