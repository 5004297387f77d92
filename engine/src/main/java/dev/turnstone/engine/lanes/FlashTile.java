package dev.turnstone.engine.lanes;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// Rows of queries on their way through blocks of keys: scores, weights, weighted sums, and the
/// softmax as far as it is known (https://arxiv.org/abs/2205.14135). One lane's own.
final class FlashTile implements AutoCloseable {
  private static final int BLOCK = TileChunks.BLOCK;
  private static final int HALF = TileChunks.PAIRED / 2;
  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits of the mantissa.
  private static final float MAGIC = 12582912f;
  private static final float LEAST = -126;

  /// Powers of 2 that a weight may exceed 1 by.
  private static final float SLACK = 8;

  private static final int ROUND = 0x8000;
  private static final int UPPER = 0xffff0000;
  // Coefficients of 2^x around 0.
  private static final float C1 = 0.6931472f;
  private static final float C2 = 0.2402265f;
  private static final float C3 = 0.05550411f;
  private static final float C4 = 0.009618129f;
  private static final float C5 = 0.0013333558f;

  private final Arena arena = Arena.ofShared();
  private final int headDim;
  private final float[] most;
  private final float[] vector = new float[Simd.WIDTH];
  private final long totals;

  /// bf16 `[rows, headDim]`.
  final long queries;

  /// f32 `[rows, BLOCK]`.
  final long scores;

  /// bf16 `[rows, BLOCK]`, tokens in the order of [TileChunks].
  final long weights;

  /// f32 `[rows, headDim]`.
  final long sums;

  FlashTile(int rows, int headDim) {
    this.headDim = headDim;
    most = new float[rows];
    totals = floats(rows * Simd.WIDTH);
    queries = floats(rows * headDim / 2);
    scores = floats(rows * BLOCK);
    weights = floats(rows * BLOCK / 2);
    sums = floats(rows * headDim);
  }

  private long floats(int count) {
    return arena.allocate(4L * count, 64).address();
  }

  /// Begins with new queries.
  void begin(int rows) {
    Arrays.fill(most, 0, rows, Float.NEGATIVE_INFINITY);
    for (int row = 0; row < rows; row++) Simd.store(Simd.zero(), total(row));
  }

  private long total(int row) {
    return totals + 4L * row * Simd.WIDTH;
  }

  /// Turns a row's scores of one block into weights.
  ///
  /// @param first of the keys that the row sees
  /// @param end of them
  /// @param columns weights that are written, 0 for what is not seen
  /// @param scale of scores, in powers of 2
  void weigh(int row, int first, int end, int columns, float scale) {
    long to = weights + 2L * row * BLOCK;
    // A window may begin after the block.
    int start = Math.min(first, columns) / (2 * HALF) * (2 * HALF);
    int stop = end <= first ? start : Math.ceilDiv(end, 2 * HALF) * 2 * HALF;
    if (start > 0) clear(to, start);
    if (stop < columns) clear(to + 2L * stop, columns - stop);
    if (stop == start) return;
    long from = scores + 4L * row * BLOCK;
    for (int i = start; i < first; i++) Simd.put(from + 4L * i, Float.NEGATIVE_INFINITY);
    for (int i = end; i < stop; i++) Simd.put(from + 4L * i, Float.NEGATIVE_INFINITY);
    soften(row, from, to, start, stop, scale);
  }

  private static void clear(long weights, int count) {
    MemorySegment.copy(NOTHING, 0, Simd.MEMORY, weights, 2L * count);
  }

  private static final MemorySegment NOTHING = MemorySegment.ofArray(new byte[2 * BLOCK]);

  /// The score that weighs 1 from now on. A little more than it does no harm, so sums are seldom
  /// scaled.
  private float risen(int row, float max, float scale) {
    float before = most[row];
    if ((max - before) * scale <= SLACK) return before;
    most[row] = max;
    if (before != Float.NEGATIVE_INFINITY) fade(row, (before - max) * scale);
    return max;
  }

  /// Scales what was summed so far down.
  private void fade(int row, float exponent) {
    float factor = (float) Math.pow(2, Math.max(LEAST, exponent));
    Simd.store(Simd.floats(total(row)).mul(factor), total(row));
    long at = sums + 4L * row * headDim;
    int i = 0;
    for (; i <= headDim - Simd.WIDTH; i += Simd.WIDTH)
      Simd.store(Simd.floats(at + 4L * i).mul(factor), at + 4L * i);
    for (; i < headDim; i++) Simd.put(at + 4L * i, Simd.get(at + 4L * i) * factor);
  }

  /// 2 to the power of x is taken to within 3e-6 of its value, and about 1e-38 below -126; two
  /// vectors of tokens make one of pairs.
  ///
  /// Written out, and long on purpose: what the compiler can inline into its caller becomes too
  /// large there, and every vector an object.
  private void soften(int row, long from, long to, int start, int stop, float scale) {
    FloatVector largest = Simd.all(most[row]);
    FloatVector larger = largest;
    for (int i = start; i < stop; i += 2 * HALF) {
      largest = largest.max(Simd.floats(from + 4L * i));
      larger = larger.max(Simd.floats(from + 4L * i + 4 * HALF));
    }
    float max = risen(row, largest.max(larger).reduceLanes(VectorOperators.MAX), scale);
    FloatVector scales = Simd.all(scale);
    FloatVector shifts = Simd.all(-max * scale);
    FloatVector magic = Simd.all(MAGIC);
    FloatVector least = Simd.all(LEAST);
    FloatVector c5 = Simd.all(C5);
    FloatVector c4 = Simd.all(C4);
    FloatVector c3 = Simd.all(C3);
    FloatVector c2 = Simd.all(C2);
    FloatVector c1 = Simd.all(C1);
    FloatVector one = Simd.all(1);
    FloatVector total = Simd.floats(total(row));
    for (int i = start; i < stop; i += 2 * HALF) {
      FloatVector x = Simd.floats(from + 4L * i).fma(scales, shifts).max(least);
      FloatVector y = Simd.floats(from + 4L * i + 4 * HALF).fma(scales, shifts).max(least);
      FloatVector wholeX = x.add(magic);
      FloatVector wholeY = y.add(magic);
      FloatVector restX = x.sub(wholeX.sub(magic));
      FloatVector restY = y.sub(wholeY.sub(magic));
      FloatVector powerX = restX.fma(c5, c4).fma(restX, c3).fma(restX, c2).fma(restX, c1);
      FloatVector powerY = restY.fma(c5, c4).fma(restY, c3).fma(restY, c2).fma(restY, c1);
      IntVector exponentX = wholeX.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
      IntVector exponentY = wholeY.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
      IntVector weightX = powerX.fma(restX, one).reinterpretAsInts().add(exponentX);
      IntVector weightY = powerY.fma(restY, one).reinterpretAsInts().add(exponentY);
      total = total.add(weightX.reinterpretAsFloats().add(weightY.reinterpretAsFloats()));
      weightX
          .add(ROUND)
          .lanewise(VectorOperators.LSHR, 16)
          .or(weightY.add(ROUND).and(UPPER))
          .intoMemorySegment(Simd.MEMORY, to + 2L * i, Simd.ORDER);
    }
    Simd.store(total, total(row));
  }

  /// Writes a row's weighted mean in bf16.
  void finish(int row, Elements elements, long to) {
    float factor = 1 / Simd.sum(Simd.floats(total(row)), vector);
    long from = sums + 4L * row * headDim;
    int size = elements.bytes();
    int i = 0;
    for (; i <= headDim - Simd.WIDTH; i += Simd.WIDTH)
      elements.store(Simd.floats(from + 4L * i).mul(factor), to + (long) size * i);
    for (; i < headDim; i++) elements.put(to + (long) size * i, Simd.get(from + 4L * i) * factor);
  }

  @Override
  public void close() {
    arena.close();
  }
}
