package dev.turnstone.engine;

/// How a step's tokens become logits: one implementation per kind of machine, each with the KV
/// cache and the form of weights that it wants. Confined to the engine thread, but for [#prepare].
public interface ForwardPass extends AutoCloseable {
  /// Weights in the form that a forward pass wants. The owner closes them.
  interface Weights extends AutoCloseable {
    @Override
    void close();
  }

  /// Blocks that the KV cache holds, block 0 among them, which pads tables.
  int blocks();

  /// Native memory of those blocks.
  long cacheBytes();

  /// Whether [#prepare] copies the parameters, which may then be the pages of a file that changes
  /// later.
  boolean copies();

  /// Takes loaded parameters over: they are closed with the result, or before. Any thread may call,
  /// also while a step runs under other weights.
  Weights prepare(Parameters parameters);

  /// Copies what is in a block of the KV cache to another.
  void copy(int from, int to);

  /// Computes a step: writes keys and values of all its tokens, then attends, layer by layer, so a
  /// sequence may read blocks that another one fills in the same step.
  ///
  /// @return logits of the wanted rows, valid until the next step
  LogitRows run(StepBatch batch, Weights weights);

  @Override
  void close();
}
