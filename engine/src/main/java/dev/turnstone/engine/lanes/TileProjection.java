package dev.turnstone.engine.lanes;

import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/// A projection whose matrices lie in memory as [TileKernel] multiplies them: block after block of
/// output columns, each `[inputs / 2][columns][2]`, so that a lane reads its share from one end to
/// the other. The more columns a block has, the less often the kernel reads its rows.
final class TileProjection implements Projection {
  /// Output columns of a block at most: as many as are still read from far memory in one stream.
  static final int COLUMNS = 96;

  /// Columns that take a kernel's whole vectors.
  private static final int UNIT = 32;

  /// Bytes of a block at most: it is to fit in a core's cache beside its rows.
  private static final long BLOCK_BYTES = 1 << 20;

  /// Bytes of rows that are multiplied at once.
  private static final long ROW_BYTES = 400 << 10;

  /// Bytes of rows that meet one block after the other.
  private static final long NEAR_BYTES = 640 << 10;

  /// Rows that are multiplied at once, at most.
  static final int ROWS = 256;

  /// A single row is multiplied by another kernel, at half the speed of two rows.
  static final int LEAST = 2;

  private final TileKernel kernel;
  private final Elements elements;
  private final Shares columns;
  private final int inputs;
  private final int matrices;
  private final int most;
  private final int mostRows;
  private final long packed;
  private final List<float[]> biases;

  /// @param matrices addresses of `[columns, inputs]` in bf16 each; they are copied
  /// @param biases `[columns]` each, or none at all
  /// @param memory where the copy lives
  TileProjection(
      TileKernel kernel,
      Elements elements,
      Shares columns,
      int inputs,
      List<Long> matrices,
      List<float[]> biases,
      SegmentAllocator memory) {
    this.kernel = kernel;
    this.elements = elements;
    this.columns = columns;
    this.inputs = inputs;
    this.matrices = matrices.size();
    this.biases = biases;
    int fitting = (int) (BLOCK_BYTES / Short.BYTES / inputs) / UNIT * UNIT;
    most = Math.clamp(fitting, UNIT, COLUMNS);
    mostRows = Math.clamp(ROW_BYTES / bytes(1) / Tiling.FIXED * Tiling.FIXED, Tiling.FIXED, ROWS);
    int all = columns.end(columns.lanes() - 1);
    packed = memory.allocate(bytes((long) padded(all) * this.matrices), 64).address();
    for (int lane = 0; lane < columns.lanes(); lane++)
      for (int column = columns.first(lane); column < columns.end(lane); column += most)
        for (int i = 0; i < this.matrices; i++) {
          long from = matrices.get(i) + bytes(column);
          pack(from, width(lane, column), block(lane, column, i));
        }
  }

  private long bytes(long columns) {
    return columns * inputs * Short.BYTES;
  }

  private static int padded(int columns) {
    return Math.ceilDiv(columns, UNIT) * UNIT;
  }

  /// Columns of the block that begins at a column of a lane's.
  private int width(int lane, int column) {
    return Math.min(most, columns.end(lane) - column);
  }

  /// A product that nobody takes.
  private record Whole(RowProduct product) implements Strips {
    @Override
    public RowProduct product(int first, int end) {
      return product;
    }

    @Override
    public void take(int first, int end, RowProduct from) {}
  }

  /// Turns rows of pairs into pairs of rows.
  private void pack(long from, int width, long to) {
    long row = bytes(1);
    int stride = padded(width);
    for (int pair = 0; pair < inputs / 2; pair++)
      for (int column = 0; column < width; column++)
        Simd.MEMORY.set(
            ValueLayout.JAVA_INT_UNALIGNED,
            to + 4L * ((long) pair * stride + column),
            Simd.MEMORY.get(ValueLayout.JAVA_INT_UNALIGNED, from + column * row + 4L * pair));
  }

  /// Shares begin at multiples of the unit, so only the very last block is padded.
  private long block(int lane, int column, int matrix) {
    return packed + bytes((long) column * matrices + (long) matrix * padded(width(lane, column)));
  }

  /// Takes what a lane's columns of some rows gave while it is still near.
  interface Strips {
    /// Where the rows `[first, end)` go.
    RowProduct product(int first, int end);

    /// Takes the rows `[first, end)`, of which none is beyond the step's.
    void take(int first, int end, RowProduct product);
  }

  /// Which rows meet which lanes' columns, and how many rows at once.
  private record Cut(int first, int end, int together, int firstLane, int endLane) {}

  /// All rows by the lane's own columns.
  private Cut columns(LaneStep step, Tiling tiling) {
    int rows = Math.max(LEAST, tiling.rows());
    return new Cut(0, rows, together(tiling), step.lane(), step.lane() + 1);
  }

  /// Some rows by all columns.
  private Cut rows(LaneStep step, int first, int end) {
    int padded = Math.ceilDiv(end, Tiling.FIXED) * Tiling.FIXED;
    return new Cut(first, padded, together(step.tiling()), 0, columns.lanes());
  }

  private int together(Tiling tiling) {
    return Math.clamp(tiling.tileRows(), LEAST, mostRows);
  }

  @Override
  public void run(LaneStep step, Tiling tiling, Activations x, Product product) {
    run(step, columns(step, tiling), x, new Whole((RowProduct) product));
  }

  /// The same, strip after strip of at most [#ROWS] rows.
  void run(LaneStep step, Tiling tiling, Activations x, Strips strips) {
    run(step, columns(step, tiling), x, strips);
  }

  /// Multiplies the rows `[first, end)`, which are nobody else's, by all columns.
  ///
  /// @param first a multiple of [Tiling#FIXED]
  void runRows(LaneStep step, int first, int end, Activations x, Strips strips) {
    run(step, rows(step, first, end), x, strips);
  }

  /// The same, and nobody takes anything.
  void runRows(LaneStep step, int first, int end, Activations x, Product product) {
    runRows(step, first, end, x, new Whole((RowProduct) product));
  }

  private void run(LaneStep step, Cut cut, Activations x, Strips strips) {
    for (int row = cut.first; row < cut.end; row += cut.together) {
      int count = Math.min(cut.together, cut.end - row);
      RowProduct to = strips.product(row, row + count);
      for (int lane = cut.firstLane; lane < cut.endLane; lane++) {
        if (!biases.isEmpty()) bias(lane, to, row, count);
        multiply(lane, x.row(row), count, row, to);
      }
      int end = Math.min(row + count, step.batch().rows());
      if (row < end) strips.take(row, end, to);
    }
  }

  private void multiply(int lane, long x, int count, int row, RowProduct to) {
    for (int column = columns.first(lane); column < columns.end(lane); column += most) {
      int width = width(lane, column);
      kernel.multiply(
          count,
          width,
          inputs,
          x,
          inputs,
          block(lane, column, 0),
          padded(width),
          to.at(row, column),
          to.stride(),
          to.adds() || !biases.isEmpty());
    }
  }

  private void bias(int lane, RowProduct to, int first, int count) {
    float[] bias = biases.getFirst();
    for (int row = first; row < first + count; row++) {
      int column = columns.first(lane);
      for (; column <= columns.end(lane) - Simd.WIDTH; column += Simd.WIDTH) {
        long at = to.at(row, column);
        FloatVector sum = FloatVector.fromArray(Simd.FLOATS, bias, column);
        Simd.store(to.adds() ? sum.add(Simd.floats(at)) : sum, at);
      }
      for (; column < columns.end(lane); column++) {
        long at = to.at(row, column);
        Simd.put(at, bias[column] + (to.adds() ? Simd.get(at) : 0));
      }
    }
  }

  @Override
  public void runGated(
      LaneStep step, Activations x, Product product, Gate gate, Activations inner) {
    runGated(step, columns(step, step.tiling()), x, gate, inner);
  }

  /// The same for the rows `[first, end)` and all columns.
  void runGatedRows(
      LaneStep step, int first, int end, Activations x, Gate gate, Activations inner) {
    runGated(step, rows(step, first, end), x, gate, inner);
  }

  private void runGated(LaneStep step, Cut cut, Activations x, Gate gate, Activations inner) {
    // Weights are many, and come from afar: they meet as many rows as are near.
    int near = Math.max(cut.together, (int) (NEAR_BYTES / bytes(cut.together)) * cut.together);
    for (int first = cut.first; first < cut.end; first += near)
      for (int lane = cut.firstLane; lane < cut.endLane; lane++)
        for (int column = columns.first(lane); column < columns.end(lane); column += most)
          for (int row = first; row < Math.min(cut.end, first + near); row += cut.together) {
            int count = Math.min(cut.together, cut.end - row);
            gate(step, x, row, count, lane, column, gate, inner);
          }
  }

  private void gate(
      LaneStep step,
      Activations x,
      int first,
      int count,
      int lane,
      int column,
      Gate gate,
      Activations to) {
    int width = width(lane, column);
    long tile = step.scratch().tile;
    for (int i = 0; i < biases.size(); i++)
      for (int row = 0; row < count; row++)
        for (int j = 0; j < width; j++)
          Simd.put(tile + 4L * (COLUMNS * (2 * row + i) + j), biases.get(i)[column + j]);
    for (int i = 0; i < 2; i++)
      kernel.multiply(
          count,
          width,
          inputs,
          x.row(first),
          inputs,
          block(lane, column, i),
          padded(width),
          tile + 4L * COLUMNS * i,
          2 * COLUMNS,
          !biases.isEmpty());
    gate.applyTile(
        tile,
        8L * COLUMNS,
        4L * COLUMNS,
        Math.min(count, step.batch().rows() - first),
        width,
        elements,
        to.row(first) + (long) elements.bytes() * column,
        to.rowBytes());
  }

  @Override
  public void close() {
    // The memory is its allocator's.
  }
}
