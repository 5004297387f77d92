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

  private static final int LEAST = Power.LEAST;
  private static final int MOST = Float.floatToRawIntBits(Power.BIAS + 60);
  private static final float LEAST_TOTAL = 0x1p-40f;
  private static final int ROUND = 0x8000;
  private static final int UPPER = 0xffff0000;

  private final Arena arena = Arena.ofShared();
  private final LargePages pages = new LargePages(arena);
  private final int headDim;
  private final float[] biases;
  private final int[] starts;
  private final int[] stops;

  /// A vector of each row: its total, the same with the block that is weighed, and the largest
  /// exponents of that.
  private final float[] totals;

  private final float[] fresh;
  private final int[] peaks;

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
    totals = new float[rows * Simd.WIDTH];
    fresh = new float[totals.length];
    peaks = new int[totals.length];
    queries = floats(rows * headDim / 2);
    scores = floats(rows * STRIDE);
    weights = floats(rows * STRIDE / 2);
    sums = floats(rows * headDim);
  }

  private long floats(int count) {
    return pages.allocate(4L * count, 64).address();
  }

  /// Begins with new queries.
  void begin(int rows) {
    Arrays.fill(biases, 0, rows, Power.BIAS);
    Arrays.fill(totals, 0, rows * Simd.WIDTH, 0);
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

  /// Makes nothing of rows that see a score that is no number. What weighs them does not notice it
  /// if it is negative, as the CPU's own are: so it is asked for where a key may be the reason. A
  /// query that is no number leaves its row no score, which is noticed.
  void refuse(int rows) {
    for (int row = 0; row < rows; row++)
      for (int i = starts[row]; i < stops[row]; i++)
        if (Float.isNaN(Simd.get(scores + 4L * (row * STRIDE + i))))
          Arrays.fill(totals, row * Simd.WIDTH, (row + 1) * Simd.WIDTH, Float.NaN);
  }

  /// Turns what rows see of a block from scores into weights.
  ///
  /// @param scale of scores, in powers of 2
  void weigh(int rows, float scale) {
    soften(0, rows, scale);
    for (int row = 0; row < rows; row++) {
      if (starts[row] == stops[row]) continue;
      if (!settled(row)) {
        move(row, scale);
        soften(row, row + 1, scale);
      }
      FloatVector.fromArray(Simd.FLOATS, fresh, row * Simd.WIDTH)
          .intoArray(totals, row * Simd.WIDTH);
    }
  }

  /// Whether a block's weights lie where f32 is exact.
  private boolean settled(int row) {
    int at = row * Simd.WIDTH;
    IntVector most = IntVector.fromArray(Simd.INTS, peaks, at);
    FloatVector total = FloatVector.fromArray(Simd.FLOATS, fresh, at);
    return !most.compare(VectorOperators.GT, MOST).anyTrue()
        && total.compare(VectorOperators.GE, LEAST_TOTAL).anyTrue();
  }

  /// Powers as [Power] has them; two vectors of tokens make one of pairs. Written out, and long on
  /// purpose: what the compiler can inline into its caller becomes too large there, and every
  /// vector an object; so does one that is alive at a branch. Largest values are those of bits, for
  /// those of numbers take six instructions.
  private void soften(int firstRow, int endRow, float scale) {
    FloatVector scales = Simd.all(scale);
    IntVector least = IntVector.broadcast(Simd.INTS, LEAST);
    FloatVector c3 = Simd.all(Power.C3);
    FloatVector c2 = Simd.all(Power.C2);
    FloatVector c1 = Simd.all(Power.C1);
    FloatVector c0 = Simd.all(Power.C0);
    for (int row = firstRow; row < endRow; row++) {
      int start = starts[row];
      int stop = stops[row];
      long from = scores + 4L * row * STRIDE;
      long to = weights + 2L * row * STRIDE;
      FloatVector bias = Simd.all(biases[row]);
      FloatVector total = FloatVector.fromArray(Simd.FLOATS, totals, row * Simd.WIDTH);
      IntVector most = least;
      for (int i = start; i < stop; i += 2 * HALF) {
        FloatVector sumX = Simd.floats(from + 4L * i).fma(scales, bias);
        FloatVector sumY = Simd.floats(from + 4L * i + 4 * HALF).fma(scales, bias);
        IntVector x = sumX.reinterpretAsInts().max(least);
        IntVector y = sumY.reinterpretAsInts().max(least);
        most = most.max(x).max(y);
        IntVector powerX = x.lanewise(VectorOperators.LSHL, Power.SHIFT);
        IntVector powerY = y.lanewise(VectorOperators.LSHL, Power.SHIFT);
        IntVector partX = powerX.and(Power.FRACTION).or(Power.ONE);
        IntVector partY = powerY.and(Power.FRACTION).or(Power.ONE);
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
      total.intoArray(fresh, row * Simd.WIDTH);
      most.intoArray(peaks, row * Simd.WIDTH);
    }
  }

  /// Makes a row's largest score of a block its reference.
  private void move(int row, float scale) {
    long from = scores + 4L * row * STRIDE;
    float most = Float.NEGATIVE_INFINITY;
    for (int i = starts[row]; i < stops[row]; i++) most = Math.max(most, Simd.get(from + 4L * i));
    float bias = Power.BIAS - most * scale;
    int first = row * Simd.WIDTH;
    // Not a number, or an infinite one: so be the result.
    if (!Float.isFinite(bias)) Arrays.fill(totals, first, first + Simd.WIDTH, Float.NaN);
    else if (Simd.sum(totals, first) != 0)
      fade(row, (float) Math.pow(2, Math.max(-126, bias - biases[row])));
    biases[row] = bias;
  }

  /// Scales what was summed so far.
  private void fade(int row, float factor) {
    for (int i = row * Simd.WIDTH; i < (row + 1) * Simd.WIDTH; i++) totals[i] *= factor;
    long at = sums + 4L * row * headDim;
    int i = 0;
    for (; i <= headDim - Simd.WIDTH; i += Simd.WIDTH)
      Simd.store(Simd.floats(at + 4L * i).mul(factor), at + 4L * i);
    for (; i < headDim; i++) Simd.put(at + 4L * i, Simd.get(at + 4L * i) * factor);
  }

  /// Writes a row's weighted mean in bf16.
  void finish(int row, Elements elements, long to) {
    float factor = 1 / Simd.sum(totals, row * Simd.WIDTH);
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
