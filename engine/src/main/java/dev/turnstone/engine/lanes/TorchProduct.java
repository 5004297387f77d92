package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDArray;
import java.util.ArrayList;
import java.util.List;

/// A product as libtorch leaves it: tiles of rows, each a tensor of one lane's columns.
final class TorchProduct implements Product {
  private final Elements elements;
  private final Shares columns;
  private final List<List<PtNDArray>> owned = new ArrayList<>();
  private final long[][] tiles;
  private int tileRows = 1;

  /// @param mostTiles tiles of a step at most
  TorchProduct(Elements elements, Shares columns, int mostTiles) {
    this.elements = elements;
    this.columns = columns;
    this.tiles = new long[columns.lanes()][mostTiles];
    for (int lane = 0; lane < columns.lanes(); lane++) owned.add(new ArrayList<>());
  }

  /// Takes a tile over from the projection; it lives until [#begin].
  void take(int lane, int tile, PtNDArray values) {
    owned.get(lane).add(values);
    tiles[lane][tile] = Libtorch.address(values);
  }

  /// Forgets what a lane gave before.
  void begin(int lane, int rows) {
    tileRows = rows;
    for (PtNDArray values : owned.get(lane)) values.close();
    owned.get(lane).clear();
  }

  Shares columns() {
    return columns;
  }

  /// Where a lane's first column of a row is; of `matrices` side by side, the one at `index`.
  long row(int lane, int row, int matrices, int index) {
    int width = columns.count(lane);
    long place = (long) (row % tileRows) * width * matrices + (long) width * index;
    return tiles[lane][row / tileRows] + place * elements.bytes();
  }

  /// Where a value is; the rest of its lane's columns follow.
  long at(int row, int column) {
    int lane = columns.of(column);
    return row(lane, row, 1, 0) + (long) (column - columns.first(lane)) * elements.bytes();
  }

  @Override
  public void addTo(int row, long sum) {
    for (int lane = 0; lane < columns.lanes(); lane++) {
      long from = row(lane, row, 1, 0);
      long to = sum + 4L * columns.first(lane);
      for (int i = 0; i < columns.count(lane); i += Simd.WIDTH)
        Simd.store(
            Simd.floats(to + 4L * i).add(elements.load(from + (long) elements.bytes() * i)),
            to + 4L * i);
    }
  }

  @Override
  public void copyTo(int row, long to) {
    for (int lane = 0; lane < columns.lanes(); lane++) copyTo(lane, row, to);
  }

  @Override
  public void copyTo(int lane, int row, long values) {
    long from = row(lane, row, 1, 0);
    long to = values + 4L * columns.first(lane);
    int count = columns.count(lane);
    int i = 0;
    for (; i <= count - Simd.WIDTH; i += Simd.WIDTH)
      Simd.store(elements.load(from + (long) elements.bytes() * i), to + 4L * i);
    for (; i < count; i++) Simd.put(to + 4L * i, elements.get(from + (long) elements.bytes() * i));
  }

  @Override
  public void copyTo(int row, int column, int count, float[] to, int at) {
    int done = 0;
    while (done < count) {
      int lane = columns.of(column + done);
      int some = Math.min(count - done, columns.end(lane) - column - done);
      long from = at(row, column + done);
      int i = 0;
      for (; i <= some - Simd.WIDTH; i += Simd.WIDTH)
        elements.load(from + (long) elements.bytes() * i).intoArray(to, at + done + i);
      for (; i < some; i++) to[at + done + i] = elements.get(from + (long) elements.bytes() * i);
      done += some;
    }
  }
}
