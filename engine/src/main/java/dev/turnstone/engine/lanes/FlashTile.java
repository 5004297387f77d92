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
  private static final int MAGIC_BITS = Float.floatToRawIntBits(MAGIC);
  private static final float LEAST = -126;
  private static final float LN2 = 0.6931472f;
  private static final float[] TAYLOR = {
    LN2 * LN2 * LN2 * LN2 * LN2 / 120,
    LN2 * LN2 * LN2 * LN2 / 24,
    LN2 * LN2 * LN2 / 6,
    LN2 * LN2 / 2,
    LN2,
    1
  };

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
    int start = first / (2 * HALF) * (2 * HALF);
    int stop = end <= first ? start : Math.ceilDiv(end, 2 * HALF) * 2 * HALF;
    if (start > 0) clear(to, start);
    if (stop < columns) clear(to + 2L * stop, columns - stop);
    if (stop == start) return;
    long from = scores + 4L * row * BLOCK;
    for (int i = start; i < first; i++) Simd.put(from + 4L * i, Float.NEGATIVE_INFINITY);
    for (int i = end; i < stop; i++) Simd.put(from + 4L * i, Float.NEGATIVE_INFINITY);
    float max = Math.max(most[row], max(from, start, stop));
    FloatVector total = Simd.floats(total(row));
    if (max > most[row] && most[row] != Float.NEGATIVE_INFINITY)
      total = total.mul(fade(row, (most[row] - max) * scale));
    most[row] = max;
    Simd.store(weigh(from, to, start, stop, scale, -max * scale, total), total(row));
  }

  private static void clear(long weights, int count) {
    MemorySegment.copy(NOTHING, 0, Simd.MEMORY, weights, 2L * count);
  }

  private static final MemorySegment NOTHING = MemorySegment.ofArray(new byte[2 * BLOCK]);

  private static float max(long from, int start, int stop) {
    FloatVector most = Simd.all(Float.NEGATIVE_INFINITY);
    for (int i = start; i < stop; i += Simd.WIDTH) most = most.max(Simd.floats(from + 4L * i));
    return most.reduceLanes(VectorOperators.MAX);
  }

  /// Scales what was summed so far, and says by what.
  private float fade(int row, float exponent) {
    power(Simd.all(exponent)).intoArray(vector, 0);
    float factor = vector[0];
    long at = sums + 4L * row * headDim;
    int i = 0;
    for (; i <= headDim - Simd.WIDTH; i += Simd.WIDTH)
      Simd.store(Simd.floats(at + 4L * i).mul(factor), at + 4L * i);
    for (; i < headDim; i++) Simd.put(at + 4L * i, Simd.get(at + 4L * i) * factor);
    return factor;
  }

  private static FloatVector weigh(
      long from, long to, int start, int stop, float scale, float shift, FloatVector before) {
    FloatVector scales = Simd.all(scale);
    FloatVector shifts = Simd.all(shift);
    FloatVector total = before;
    for (int i = start; i < stop; i += 2 * HALF)
      for (int j = i; j < i + HALF; j += Simd.WIDTH) {
        FloatVector low = power(Simd.floats(from + 4L * j).fma(scales, shifts));
        FloatVector high = power(Simd.floats(from + 4L * (j + HALF)).fma(scales, shifts));
        total = total.add(low).add(high);
        IntVector pairs =
            low.reinterpretAsInts()
                .add(0x8000)
                .lanewise(VectorOperators.LSHR, 16)
                .or(high.reinterpretAsInts().add(0x8000).and(0xffff0000));
        pairs.intoMemorySegment(Simd.MEMORY, to + 2L * i + 4L * (j - i), Simd.ORDER);
      }
    return total;
  }

  /// 2 to the power of x ≤ 0, to within 3e-6 of its value; about 1e-38 below -126.
  private static FloatVector power(FloatVector x) {
    FloatVector bounded = x.max(LEAST);
    FloatVector shifted = bounded.add(MAGIC);
    FloatVector rest = bounded.sub(shifted.sub(MAGIC));
    FloatVector value = Simd.all(TAYLOR[0]);
    value = value.fma(rest, Simd.all(TAYLOR[1]));
    value = value.fma(rest, Simd.all(TAYLOR[2]));
    value = value.fma(rest, Simd.all(TAYLOR[3]));
    value = value.fma(rest, Simd.all(TAYLOR[4]));
    value = value.fma(rest, Simd.all(TAYLOR[5]));
    IntVector exponent =
        shifted.reinterpretAsInts().sub(MAGIC_BITS).lanewise(VectorOperators.LSHL, 23);
    return value.reinterpretAsInts().add(exponent).reinterpretAsFloats();
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
