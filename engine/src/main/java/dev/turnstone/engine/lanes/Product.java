package dev.turnstone.engine.lanes;

/// What a projection gave: each lane's columns of all rows. Every lane writes its own part and,
/// after a meeting, reads the others'.
sealed interface Product permits TorchProduct, RowProduct {
  /// Adds a row to f32 values, if it has not been summed there already.
  void addTo(int row, long sum);

  /// Copies a row to f32 values.
  void copyTo(int row, long to);

  /// The same for one lane's columns, if they are not there already.
  void copyTo(int lane, int row, long to);

  /// Copies `count` columns of a row to an array; they may belong to several lanes.
  void copyTo(int row, int column, int count, float[] to, int at);
}
