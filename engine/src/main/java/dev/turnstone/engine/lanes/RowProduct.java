package dev.turnstone.engine.lanes;

import java.lang.foreign.MemorySegment;

/// A product as plain rows of f32, either of its own or those that it is to be added to.
final class RowProduct implements Product {
  private final long address;
  private final int columns;
  private final boolean adds;

  private RowProduct(long address, int columns, boolean adds) {
    this.address = address;
    this.columns = columns;
    this.adds = adds;
  }

  /// Rows that the product overwrites.
  static RowProduct at(long address, int columns) {
    return new RowProduct(address, columns, false);
  }

  /// Rows that the product is added to.
  static RowProduct onto(long address, int columns) {
    return new RowProduct(address, columns, true);
  }

  /// The same rows from `first` on in other memory.
  RowProduct movedTo(long memory, int first) {
    return new RowProduct(memory - 4L * first * columns, columns, adds);
  }

  boolean adds() {
    return adds;
  }

  /// Values from one row to the next.
  int stride() {
    return columns;
  }

  long at(int row, int column) {
    return address + 4L * ((long) row * columns + column);
  }

  @Override
  public void addTo(int row, long sum) {
    if (adds) return;
    long from = at(row, 0);
    int i = 0;
    for (; i <= columns - Simd.WIDTH; i += Simd.WIDTH)
      Simd.store(Simd.floats(sum + 4L * i).add(Simd.floats(from + 4L * i)), sum + 4L * i);
    for (; i < columns; i++)
      Simd.put(sum + 4L * i, Simd.get(sum + 4L * i) + Simd.get(from + 4L * i));
  }

  @Override
  public void copyTo(int row, long to) {
    MemorySegment.copy(Simd.MEMORY, at(row, 0), Simd.MEMORY, to, 4L * columns);
  }

  @Override
  public void copyTo(int lane, int row, long to) {
    // The whole row lies where it was asked for.
    if (to != at(row, 0)) throw new IllegalArgumentException("not this product's own row");
  }

  @Override
  public void copyTo(int row, int column, int count, float[] to, int at) {
    long from = at(row, column);
    int i = 0;
    for (; i <= count - Simd.WIDTH; i += Simd.WIDTH)
      Simd.floats(from + 4L * i).intoArray(to, at + i);
    for (; i < count; i++) to[at + i] = Simd.get(from + 4L * i);
  }
}
