package dev.turnstone.engine.lanes;

import ai.djl.pytorch.jni.IValue;

/// How the rows of a step are cut for matrix products, as libtorch's arguments.
///
/// libtorch compiles a kernel for every number of rows it meets, so numbers are rounded up; the
/// rows beyond are computed and never read. In tiles of one fixed size, a row's result cannot
/// depend on how many rows there are.
final class Tiling implements AutoCloseable {
  /// Rows of a fixed tile.
  static final int FIXED = 64;

  private final int tileRows;
  private final IValue count;
  private final IValue[] firsts;

  private Tiling(int tileRows, int tiles) {
    this.tileRows = tileRows;
    this.count = IValue.from((long) tileRows);
    this.firsts = new IValue[tiles];
    for (int i = 0; i < tiles; i++) firsts[i] = IValue.from((long) i * tileRows);
  }

  /// One tile of at least so many rows.
  static Tiling whole(int rows) {
    return new Tiling(rounded(rows), 1);
  }

  static Tiling fixed(int rows) {
    return new Tiling(FIXED, Math.ceilDiv(rows, FIXED));
  }

  /// The number of rows that is computed for `rows`.
  static int rounded(int rows) {
    if (rows <= 2) return rows;
    int unit = rows <= 4 ? 4 : rows <= 256 ? 16 : 64;
    return Math.ceilDiv(rows, unit) * unit;
  }

  int tileRows() {
    return tileRows;
  }

  /// All rows, those beyond what was asked for included.
  int rows() {
    return tileRows * firsts.length;
  }

  int tiles() {
    return firsts.length;
  }

  IValue count() {
    return count;
  }

  IValue firstOf(int tile) {
    return firsts[tile];
  }

  @Override
  public void close() {
    count.close();
    for (IValue first : firsts) first.close();
  }
}
