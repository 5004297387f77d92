package dev.turnstone.engine.lanes;

/// A matrix whose output columns are shared out among lanes. Several matrices of one size stand
/// side by side in each share, as the gate and what it gates.
sealed interface Projection extends AutoCloseable permits TorchProjection, TileProjection {
  /// Multiplies rows of `x` by the lane's share.
  void run(LaneStep step, Tiling tiling, Activations x, Product product);

  /// The same for a gate and what it gates, and puts them together.
  ///
  /// @param product may be used in between
  void runGated(LaneStep step, Activations x, Product product, Gate gate, Activations inner);

  @Override
  void close();
}
