package dev.turnstone.engine.lanes;

import static dev.turnstone.engine.lanes.Bfloat16Attention.high;
import static dev.turnstone.engine.lanes.Bfloat16Attention.low;

import dev.turnstone.engine.Model;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/// Queries of one to four heads times bf16 keys: two vectors of tokens at once, `a` and `b`, and
/// the lower and upper dimension of each pair, `l` and `h`, in sums of their own, which hides the
/// latency of multiply-add.
///
/// Written out for each number of heads, because a vector in an array is no register; and no
/// larger, because beyond some size the compiler stops inlining and every vector becomes an object.
final class Bfloat16Scores {
  /// Bytes of a pair of dimensions of a block's tokens.
  private static final int ROW = 2 * Short.BYTES * Model.BLOCK;

  private Bfloat16Scores() {}

  /// Scores, and fetches the keys and values of the blocks that are scored next.
  ///
  /// @param nextA where the keys of these begin; their values lie behind
  /// @return see [Simd#touch]
  static int score(
      long a,
      long b,
      long nextA,
      long nextB,
      int pairs,
      float[] q,
      int from,
      int dim,
      int heads,
      float[] s,
      int to,
      int stride) {
    return switch (heads) {
      case 1 -> score1(a, b, nextA, nextB, pairs, q, from, s, to);
      case 2 -> score2(a, b, nextA, nextB, pairs, q, from, dim, s, to, stride);
      case 3 -> score3(a, b, nextA, nextB, pairs, q, from, dim, s, to, stride);
      default -> score4(a, b, nextA, nextB, pairs, q, from, dim, s, to, stride);
    };
  }

  /// Two of a block's rows, for it has as many of values as of keys.
  private static int touch(long rows) {
    return Simd.touch(rows) + Simd.touch(rows + ROW);
  }

  private static int score1(
      long a, long b, long nextA, long nextB, int pairs, float[] q, int from, float[] s, int to) {
    int touched = 0;
    FloatVector al0 = Simd.zero();
    FloatVector ah0 = Simd.zero();
    FloatVector bl0 = Simd.zero();
    FloatVector bh0 = Simd.zero();
    for (int i = 0; i < pairs; i++) {
      long row = (long) ROW * i;
      touched += touch(nextA + 2 * row) + touch(nextB + 2 * row);
      IntVector at = Simd.ints(a + row);
      IntVector bt = Simd.ints(b + row);
      FloatVector al = low(at);
      FloatVector ah = high(at);
      FloatVector bl = low(bt);
      FloatVector bh = high(bt);
      int d = from + 2 * i;
      FloatVector l0 = Simd.all(q[d]);
      FloatVector h0 = Simd.all(q[d + 1]);
      al0 = al.fma(l0, al0);
      ah0 = ah.fma(h0, ah0);
      bl0 = bl.fma(l0, bl0);
      bh0 = bh.fma(h0, bh0);
    }
    al0.add(ah0).intoArray(s, to);
    bl0.add(bh0).intoArray(s, to + Simd.WIDTH);
    return touched;
  }

  private static int score2(
      long a,
      long b,
      long nextA,
      long nextB,
      int pairs,
      float[] q,
      int from,
      int dim,
      float[] s,
      int to,
      int stride) {
    int touched = 0;
    FloatVector al0 = Simd.zero();
    FloatVector ah0 = Simd.zero();
    FloatVector bl0 = Simd.zero();
    FloatVector bh0 = Simd.zero();
    FloatVector al1 = Simd.zero();
    FloatVector ah1 = Simd.zero();
    FloatVector bl1 = Simd.zero();
    FloatVector bh1 = Simd.zero();
    for (int i = 0; i < pairs; i++) {
      long row = (long) ROW * i;
      touched += touch(nextA + 2 * row) + touch(nextB + 2 * row);
      IntVector at = Simd.ints(a + row);
      IntVector bt = Simd.ints(b + row);
      FloatVector al = low(at);
      FloatVector ah = high(at);
      FloatVector bl = low(bt);
      FloatVector bh = high(bt);
      int d = from + 2 * i;
      FloatVector l0 = Simd.all(q[d]);
      FloatVector h0 = Simd.all(q[d + 1]);
      al0 = al.fma(l0, al0);
      ah0 = ah.fma(h0, ah0);
      bl0 = bl.fma(l0, bl0);
      bh0 = bh.fma(h0, bh0);
      d += dim;
      FloatVector l1 = Simd.all(q[d]);
      FloatVector h1 = Simd.all(q[d + 1]);
      al1 = al.fma(l1, al1);
      ah1 = ah.fma(h1, ah1);
      bl1 = bl.fma(l1, bl1);
      bh1 = bh.fma(h1, bh1);
    }
    al0.add(ah0).intoArray(s, to);
    bl0.add(bh0).intoArray(s, to + Simd.WIDTH);
    al1.add(ah1).intoArray(s, to + stride);
    bl1.add(bh1).intoArray(s, to + stride + Simd.WIDTH);
    return touched;
  }

  private static int score3(
      long a,
      long b,
      long nextA,
      long nextB,
      int pairs,
      float[] q,
      int from,
      int dim,
      float[] s,
      int to,
      int stride) {
    int touched = 0;
    FloatVector al0 = Simd.zero();
    FloatVector ah0 = Simd.zero();
    FloatVector bl0 = Simd.zero();
    FloatVector bh0 = Simd.zero();
    FloatVector al1 = Simd.zero();
    FloatVector ah1 = Simd.zero();
    FloatVector bl1 = Simd.zero();
    FloatVector bh1 = Simd.zero();
    FloatVector al2 = Simd.zero();
    FloatVector ah2 = Simd.zero();
    FloatVector bl2 = Simd.zero();
    FloatVector bh2 = Simd.zero();
    for (int i = 0; i < pairs; i++) {
      long row = (long) ROW * i;
      touched += touch(nextA + 2 * row) + touch(nextB + 2 * row);
      IntVector at = Simd.ints(a + row);
      IntVector bt = Simd.ints(b + row);
      FloatVector al = low(at);
      FloatVector ah = high(at);
      FloatVector bl = low(bt);
      FloatVector bh = high(bt);
      int d = from + 2 * i;
      FloatVector l0 = Simd.all(q[d]);
      FloatVector h0 = Simd.all(q[d + 1]);
      al0 = al.fma(l0, al0);
      ah0 = ah.fma(h0, ah0);
      bl0 = bl.fma(l0, bl0);
      bh0 = bh.fma(h0, bh0);
      d += dim;
      FloatVector l1 = Simd.all(q[d]);
      FloatVector h1 = Simd.all(q[d + 1]);
      al1 = al.fma(l1, al1);
      ah1 = ah.fma(h1, ah1);
      bl1 = bl.fma(l1, bl1);
      bh1 = bh.fma(h1, bh1);
      d += dim;
      FloatVector l2 = Simd.all(q[d]);
      FloatVector h2 = Simd.all(q[d + 1]);
      al2 = al.fma(l2, al2);
      ah2 = ah.fma(h2, ah2);
      bl2 = bl.fma(l2, bl2);
      bh2 = bh.fma(h2, bh2);
    }
    al0.add(ah0).intoArray(s, to);
    bl0.add(bh0).intoArray(s, to + Simd.WIDTH);
    al1.add(ah1).intoArray(s, to + stride);
    bl1.add(bh1).intoArray(s, to + stride + Simd.WIDTH);
    al2.add(ah2).intoArray(s, to + 2 * stride);
    bl2.add(bh2).intoArray(s, to + 2 * stride + Simd.WIDTH);
    return touched;
  }

  private static int score4(
      long a,
      long b,
      long nextA,
      long nextB,
      int pairs,
      float[] q,
      int from,
      int dim,
      float[] s,
      int to,
      int stride) {
    int touched = 0;
    FloatVector al0 = Simd.zero();
    FloatVector ah0 = Simd.zero();
    FloatVector bl0 = Simd.zero();
    FloatVector bh0 = Simd.zero();
    FloatVector al1 = Simd.zero();
    FloatVector ah1 = Simd.zero();
    FloatVector bl1 = Simd.zero();
    FloatVector bh1 = Simd.zero();
    FloatVector al2 = Simd.zero();
    FloatVector ah2 = Simd.zero();
    FloatVector bl2 = Simd.zero();
    FloatVector bh2 = Simd.zero();
    FloatVector al3 = Simd.zero();
    FloatVector ah3 = Simd.zero();
    FloatVector bl3 = Simd.zero();
    FloatVector bh3 = Simd.zero();
    for (int i = 0; i < pairs; i++) {
      long row = (long) ROW * i;
      touched += touch(nextA + 2 * row) + touch(nextB + 2 * row);
      IntVector at = Simd.ints(a + row);
      IntVector bt = Simd.ints(b + row);
      FloatVector al = low(at);
      FloatVector ah = high(at);
      FloatVector bl = low(bt);
      FloatVector bh = high(bt);
      int d = from + 2 * i;
      FloatVector l0 = Simd.all(q[d]);
      FloatVector h0 = Simd.all(q[d + 1]);
      al0 = al.fma(l0, al0);
      ah0 = ah.fma(h0, ah0);
      bl0 = bl.fma(l0, bl0);
      bh0 = bh.fma(h0, bh0);
      d += dim;
      FloatVector l1 = Simd.all(q[d]);
      FloatVector h1 = Simd.all(q[d + 1]);
      al1 = al.fma(l1, al1);
      ah1 = ah.fma(h1, ah1);
      bl1 = bl.fma(l1, bl1);
      bh1 = bh.fma(h1, bh1);
      d += dim;
      FloatVector l2 = Simd.all(q[d]);
      FloatVector h2 = Simd.all(q[d + 1]);
      al2 = al.fma(l2, al2);
      ah2 = ah.fma(h2, ah2);
      bl2 = bl.fma(l2, bl2);
      bh2 = bh.fma(h2, bh2);
      d += dim;
      FloatVector l3 = Simd.all(q[d]);
      FloatVector h3 = Simd.all(q[d + 1]);
      al3 = al.fma(l3, al3);
      ah3 = ah.fma(h3, ah3);
      bl3 = bl.fma(l3, bl3);
      bh3 = bh.fma(h3, bh3);
    }
    al0.add(ah0).intoArray(s, to);
    bl0.add(bh0).intoArray(s, to + Simd.WIDTH);
    al1.add(ah1).intoArray(s, to + stride);
    bl1.add(bh1).intoArray(s, to + stride + Simd.WIDTH);
    al2.add(ah2).intoArray(s, to + 2 * stride);
    bl2.add(bh2).intoArray(s, to + 2 * stride + Simd.WIDTH);
    al3.add(ah3).intoArray(s, to + 3 * stride);
    bl3.add(bh3).intoArray(s, to + 3 * stride + Simd.WIDTH);
    return touched;
  }
}
