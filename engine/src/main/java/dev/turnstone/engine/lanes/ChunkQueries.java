package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDManager;
import dev.turnstone.engine.Model;

/// A lane's rows for the queries of one piece of a chunk.
final class ChunkQueries implements AutoCloseable {
  private final PtNDManager own = Model.newManager();
  private final int tokens;
  private final Activations rows;

  /// @param width of all query heads of a KV head
  ChunkQueries(Libtorch torch, Elements elements, int tokens, int width) {
    this.tokens = tokens;
    rows = Activations.tensor(torch, own, elements, tokens, width);
  }

  int tokens() {
    return tokens;
  }

  Activations rows() {
    return rows;
  }

  @Override
  public void close() {
    rows.close();
    own.close();
  }
}
