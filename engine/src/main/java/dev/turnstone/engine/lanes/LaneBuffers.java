package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDManager;
import dev.turnstone.engine.LogitRows;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// What all lanes of a step read and write: the residual stream, the inputs of projections and what
/// these gave.
final class LaneBuffers implements AutoCloseable {
  private final PtNDManager own = Model.newManager();
  private final Arena arena = Arena.ofShared();
  private final int hidden;
  private final int vocabulary;
  private final long residual;
  private Arena logitArena = Arena.ofShared();
  private MemorySegment logits = MemorySegment.NULL;

  /// Inputs of projections: normed rows, attention's results, the MLP's middle.
  final Activations normed;

  final Activations attended;
  final Activations inner;

  final Product qkv;
  final Product output;
  final Product gateUp;
  final Product down;
  final Product head;

  LaneBuffers(ModelConfig config, Libtorch torch, Elements elements, int lanes, int mostRows) {
    int rows =
        Math.max(Tiling.rounded(mostRows), Tiling.FIXED * Math.ceilDiv(mostRows, Tiling.FIXED));
    int tiles = Math.ceilDiv(rows, Tiling.FIXED);
    hidden = config.hidden();
    vocabulary = config.vocabulary();
    residual = arena.allocate(4L * rows * hidden, 64).address();
    normed = new Activations(torch, own, elements, rows, hidden);
    attended = new Activations(torch, own, elements, rows, config.heads() * config.headDim());
    inner = new Activations(torch, own, elements, rows, config.intermediate());
    qkv = new Product(elements, PackedWeights.qkvShares(config, lanes), tiles);
    output = new Product(elements, PackedWeights.hiddenShares(config, lanes), tiles);
    gateUp = new Product(elements, PackedWeights.innerShares(config, lanes), tiles);
    down = new Product(elements, PackedWeights.hiddenShares(config, lanes), tiles);
    head = new Product(elements, PackedWeights.vocabularyShares(config, lanes), tiles);
  }

  /// A row of the residual stream, f32.
  long residual(int row) {
    return residual + 4L * row * hidden;
  }

  /// Makes room for the logits of so many rows.
  void reserveLogits(int rows) {
    long bytes = 4L * rows * vocabulary;
    if (logits.byteSize() >= bytes) return;
    logitArena.close();
    logits = MemorySegment.NULL;
    logitArena = Arena.ofShared();
    logits = logitArena.allocate(bytes, 64);
  }

  long logits(int row, int column) {
    return logits.address() + 4L * ((long) row * vocabulary + column);
  }

  LogitRows allLogits(int rows) {
    return new LogitRows(logits.asSlice(0, 4L * rows * vocabulary), vocabulary);
  }

  @Override
  public void close() {
    normed.close();
    attended.close();
    inner.close();
    own.close();
    logitArena.close();
    arena.close();
  }
}
