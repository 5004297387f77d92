package dev.turnstone.engine.lanes;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;

/// A projection whose matrices lie in memory as [TileKernel] multiplies them: block after block of
/// [#COLUMNS] output columns, each `[inputs / 2][COLUMNS][2]`, so that a lane reads its share from
/// one end to the other.
final class TileProjection implements Projection {
  /// Output columns of a block.
  static final int COLUMNS = 32;

  /// Rows that are multiplied at once: few enough that they stay in a core's cache.
  static final int ROWS = 256;

  /// A single row is multiplied by another kernel, at half the speed of two rows.
  static final int LEAST = 2;

  private final TileKernel kernel;
  private final FloatElements sums = new FloatElements();
  private final Elements elements;
  private final Shares columns;
  private final int inputs;
  private final int matrices;
  private final long blockBytes;
  private final long packed;
  private final List<float[]> biases;

  /// @param matrices addresses of `[columns, inputs]` in bf16 each; they are copied
  /// @param biases `[columns]` each, or none at all
  /// @param arena where the copy lives
  TileProjection(
      TileKernel kernel,
      Elements elements,
      Shares columns,
      int inputs,
      List<Long> matrices,
      List<float[]> biases,
      Arena arena) {
    this.kernel = kernel;
    this.elements = elements;
    this.columns = columns;
    this.inputs = inputs;
    this.matrices = matrices.size();
    this.biases = biases;
    blockBytes = (long) inputs * COLUMNS * Short.BYTES;
    int all = columns.end(columns.lanes() - 1);
    packed = arena.allocate(blockBytes * this.matrices * Math.ceilDiv(all, COLUMNS), 64).address();
    for (int column = 0; column < all; column += COLUMNS)
      for (int i = 0; i < this.matrices; i++) {
        long from = matrices.get(i) + (long) column * inputs * Short.BYTES;
        pack(from, inputs, Math.min(COLUMNS, all - column), block(column, i));
      }
  }

  /// Turns rows of pairs into pairs of rows.
  private static void pack(long from, int inputs, int width, long to) {
    long row = (long) inputs * Short.BYTES;
    for (int pair = 0; pair < inputs / 2; pair++)
      for (int column = 0; column < width; column++)
        Simd.MEMORY.set(
            ValueLayout.JAVA_INT_UNALIGNED,
            to + 4L * ((long) pair * COLUMNS + column),
            Simd.MEMORY.get(ValueLayout.JAVA_INT_UNALIGNED, from + column * row + 4L * pair));
  }

  private long block(int column, int matrix) {
    return packed + (long) (column / COLUMNS * matrices + matrix) * blockBytes;
  }

  @Override
  public void run(LaneStep step, Tiling tiling, Activations x, Product product) {
    var to = (RowProduct) product;
    int rows = Math.max(LEAST, tiling.rows());
    int most = Math.clamp(tiling.tileRows(), LEAST, ROWS);
    for (int row = 0; row < rows; row += most) {
      int count = Math.min(most, rows - row);
      int end = columns.end(step.lane());
      if (!biases.isEmpty()) bias(step.lane(), to, row, count);
      for (int column = columns.first(step.lane()); column < end; column += COLUMNS)
        kernel.multiply(
            count,
            Math.min(COLUMNS, end - column),
            inputs,
            x.row(row),
            inputs,
            block(column, 0),
            COLUMNS,
            to.at(row, column),
            to.stride(),
            to.adds() || !biases.isEmpty());
    }
  }

  private void bias(int lane, RowProduct to, int first, int count) {
    for (int row = first; row < first + count; row++)
      for (int column = columns.first(lane); column < columns.end(lane); column++) {
        long at = to.at(row, column);
        Simd.put(at, biases.getFirst()[column] + (to.adds() ? Simd.get(at) : 0));
      }
  }

  @Override
  public void runGated(
      LaneStep step, Activations x, Product product, Gate gate, Activations inner) {
    int rows = Math.max(LEAST, step.tiling().rows());
    int most = Math.clamp(step.tiling().tileRows(), LEAST, ROWS);
    int end = columns.end(step.lane());
    for (int row = 0; row < rows; row += most)
      for (int column = columns.first(step.lane()); column < end; column += COLUMNS)
        gate(step, x, row, Math.min(most, rows - row), column, gate, inner);
  }

  private void gate(
      LaneStep step, Activations x, int first, int count, int column, Gate gate, Activations to) {
    int width = Math.min(COLUMNS, columns.end(step.lane()) - column);
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
          block(column, i),
          COLUMNS,
          tile + 4L * COLUMNS * i,
          2 * COLUMNS,
          !biases.isEmpty());
    int end = Math.min(first + count, step.batch().rows());
    for (int row = first; row < end; row++) {
      long from = tile + 8L * COLUMNS * (row - first);
      gate.apply(
          sums,
          from,
          from + 4L * COLUMNS,
          elements,
          to.row(row) + (long) elements.bytes() * column,
          width);
    }
  }

  @Override
  public void close() {
    // The memory is its arena's.
  }
}
