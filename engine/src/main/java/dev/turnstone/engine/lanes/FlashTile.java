package dev.turnstone.engine.lanes;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// Rows of queries on their way through blocks of keys: scores, weights, weighted sums, and the
/// softmax as far as it is known (https://arxiv.org/abs/2205.14135). One lane's own.
///
/// A weight is 2 to the power of a score less the row's reference, which is 0 at first and moves
/// only when a block shows that weights would leave the middle of f32's range; so no largest score
/// is sought, and sums are hardly ever scaled.
final class FlashTile implements AutoCloseable {
  private static final int BLOCK = TileChunks.BLOCK;
  private static final int HALF = TileChunks.PAIRED / 2;

  /// Scores from one row to the next: a vector pair may be stored at a row's very end, and rows do
  /// not compete for the same lines of a cache.
  static final int STRIDE = BLOCK + 2 * HALF;

  // 2^9 + 127: added to a power of 2, it leaves 8 bits of biased exponent and 14 of a fraction at
  // the end of the mantissa.
  private static final float BIAS = 639;
  private static final int SHIFT = 9;
  private static final int LEAST = Float.floatToRawIntBits(BIAS - 126);
  private static final int MOST = Float.floatToRawIntBits(BIAS + 60);
  private static final float LEAST_TOTAL = 0x1p-40f;
  private static final int FRACTION = 0x7fffff;
  private static final int ONE = Float.floatToRawIntBits(1);

  private static final int ROUND = 0x8000;
  private static final int UPPER = 0xffff0000;
  // Coefficients of 2^(x - 1) between 1 and 2, to within 7.6e-5 of its value.
  private static final float C3 = 0.07802067f;
  private static final float C2 = -0.007991129f;
  private static final float C1 = 0.47775334f;
  private static final float C0 = 0.4521423f;

  private final Arena arena = Arena.ofShared();
  private final int headDim;
  private final float[] biases;
  private final int[] starts;
  private final int[] stops;
  private final float[] vector = new float[Simd.WIDTH];
  private final long totals;

  /// bf16 `[rows, headDim]`.
  final long queries;

  /// f32 `[rows, STRIDE]`.
  final long scores;

  /// bf16 `[rows, STRIDE]`, tokens in the order of [TileChunks].
  final long weights;

  /// f32 `[rows, headDim]`.
  final long sums;

  FlashTile(int rows, int headDim) {
    this.headDim = headDim;
    biases = new float[rows];
    starts = new int[rows];
    stops = new int[rows];
    totals = floats(rows * Simd.WIDTH);
    queries = floats(rows * headDim / 2);
    scores = floats(rows * STRIDE);
    weights = floats(rows * STRIDE / 2);
    sums = floats(rows * headDim);
  }

  private long floats(int count) {
    return arena.allocate(4L * count, 64).address();
  }

  /// Begins with new queries.
  void begin(int rows) {
    Arrays.fill(biases, 0, rows, BIAS);
    for (int row = 0; row < rows; row++) Simd.store(Simd.zero(), total(row));
  }

  private long total(int row) {
    return totals + 4L * row * Simd.WIDTH;
  }

  /// Says that a row sees the keys `[first, end)` of a block of so many columns; what it does not
  /// see weighs nothing.
  void see(int row, int first, int end, int columns) {
    // A window may begin after the block.
    int start = Math.min(first, columns) / (2 * HALF) * (2 * HALF);
    int stop = end <= first ? start : Math.ceilDiv(end, 2 * HALF) * 2 * HALF;
    starts[row] = start;
    stops[row] = stop;
    long to = weights + 2L * row * STRIDE;
    if (start > 0) clear(to, start);
    if (stop < columns) clear(to + 2L * stop, columns - stop);
    if (stop == start) return;
    long from = scores + 4L * row * STRIDE;
    for (int i = start; i < first; i++) Simd.put(from + 4L * i, Float.NEGATIVE_INFINITY);
    if (end == stop) return;
    FloatVector nothing = Simd.all(Float.NEGATIVE_INFINITY);
    Simd.store(nothing, from + 4L * end);
    Simd.store(nothing, from + 4L * (end + HALF));
  }

  private static void clear(long weights, int count) {
    MemorySegment.copy(NOTHING, 0, Simd.MEMORY, weights, 2L * count);
  }

  private static final MemorySegment NOTHING = MemorySegment.ofArray(new byte[2 * BLOCK]);

  /// Says that all rows see all columns of a block.
  void seeAll(int rows, int columns) {
    Arrays.fill(starts, 0, rows, 0);
    Arrays.fill(stops, 0, rows, columns);
  }

  /// Turns what rows see of a block from scores into weights.
  ///
  /// Two vectors of tokens make one of pairs. Written out, and long on purpose: what the compiler
  /// can inline into its caller becomes too large there, and every vector an object. Largest values
  /// are those of bits, for those of numbers take six instructions.
  ///
  /// @param scale of scores, in powers of 2
  void weigh(int rows, float scale) {
    FloatVector scales = Simd.all(scale);
    IntVector least = IntVector.broadcast(Simd.INTS, LEAST);
    FloatVector c3 = Simd.all(C3);
    FloatVector c2 = Simd.all(C2);
    FloatVector c1 = Simd.all(C1);
    FloatVector c0 = Simd.all(C0);
    boolean moved = false;
    for (int row = 0; row < rows; row++) {
      int start = starts[row];
      int stop = stops[row];
      if (start == stop) continue;
      long from = scores + 4L * row * STRIDE;
      long to = weights + 2L * row * STRIDE;
      FloatVector bias = Simd.all(biases[row]);
      FloatVector total = Simd.floats(total(row));
      IntVector most = least;
      for (int i = start; i < stop; i += 2 * HALF) {
        FloatVector sumX = Simd.floats(from + 4L * i).fma(scales, bias);
        FloatVector sumY = Simd.floats(from + 4L * i + 4 * HALF).fma(scales, bias);
        IntVector x = sumX.reinterpretAsInts().max(least);
        IntVector y = sumY.reinterpretAsInts().max(least);
        most = most.max(x).max(y);
        IntVector powerX = x.lanewise(VectorOperators.LSHL, SHIFT);
        IntVector powerY = y.lanewise(VectorOperators.LSHL, SHIFT);
        IntVector partX = powerX.and(FRACTION).or(ONE);
        IntVector partY = powerY.and(FRACTION).or(ONE);
        FloatVector restX = partX.reinterpretAsFloats();
        FloatVector restY = partY.reinterpretAsFloats();
        FloatVector valueX = restX.fma(c3, c2).fma(restX, c1).fma(restX, c0);
        FloatVector valueY = restY.fma(c3, c2).fma(restY, c1).fma(restY, c0);
        IntVector weightX = valueX.reinterpretAsInts().add(powerX.sub(partX));
        IntVector weightY = valueY.reinterpretAsInts().add(powerY.sub(partY));
        total = total.add(weightX.reinterpretAsFloats().add(weightY.reinterpretAsFloats()));
        weightX
            .add(ROUND)
            .lanewise(VectorOperators.LSHR, 16)
            .or(weightY.add(ROUND).and(UPPER))
            .intoMemorySegment(Simd.MEMORY, to + 2L * i, Simd.ORDER);
      }
      boolean fits =
          !most.compare(VectorOperators.GT, MOST).anyTrue()
              && total.compare(VectorOperators.GE, LEAST_TOTAL).anyTrue();
      if (fits || moved) {
        Simd.store(total, total(row));
        moved = false;
      } else {
        move(row, start, stop, scale);
        moved = true;
        row--;
      }
    }
  }

  /// Makes a row's largest score of a block its reference.
  private void move(int row, int start, int stop, float scale) {
    long from = scores + 4L * row * STRIDE;
    float most = Float.NEGATIVE_INFINITY;
    for (int i = start; i < stop; i++) most = Math.max(most, Simd.get(from + 4L * i));
    float bias = BIAS - most * scale;
    // Not a number, or an infinite one: so be the result.
    if (!Float.isFinite(bias)) Simd.store(Simd.all(Float.NaN), total(row));
    else if (Simd.sum(Simd.floats(total(row)), vector) != 0)
      fade(row, (float) Math.pow(2, Math.max(-126, bias - biases[row])));
    biases[row] = bias;
  }

  /// Scales what was summed so far.
  private void fade(int row, float factor) {
    Simd.store(Simd.floats(total(row)).mul(factor), total(row));
    long at = sums + 4L * row * headDim;
    int i = 0;
    for (; i <= headDim - Simd.WIDTH; i += Simd.WIDTH)
      Simd.store(Simd.floats(at + 4L * i).mul(factor), at + 4L * i);
    for (; i < headDim; i++) Simd.put(at + 4L * i, Simd.get(at + 4L * i) * factor);
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
