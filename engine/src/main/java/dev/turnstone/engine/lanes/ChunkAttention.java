package dev.turnstone.engine.lanes;

import dev.turnstone.engine.StepBatch;

/// Attention of many following tokens of a sequence, taken together. Keys and values of one layer
/// lie side by side for it, sequence after sequence as [ChunkRows] places them, written by all
/// lanes before any of them attends.
sealed interface ChunkAttention extends AutoCloseable permits TorchChunks, TileChunks {
  /// Fewer tokens than this attend one by one.
  int LEAST = 8;

  /// A sequence's rows begin at multiples of this.
  int unit();

  /// Makes room for so many rows, a multiple of the unit. Before lanes run.
  void reserve(int rows);

  /// Lays a lane's share of all that a chunk sees out, from the cache.
  ///
  /// @param first the row of the sequence's first position
  void lay(LaneStep step, int layer, StepBatch.Part part, int first);

  /// Attends with one piece's queries.
  ///
  /// @param attended rows of attention results
  void apply(
      LaneStep step,
      int layer,
      AttentionWork.Piece piece,
      int first,
      PackedLayer weights,
      Product qkv,
      Activations attended);

  @Override
  void close();
}
