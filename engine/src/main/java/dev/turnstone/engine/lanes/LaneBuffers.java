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
  private final LargePages pages = new LargePages(arena);
  private final int hidden;
  private final int vocabulary;
  private final long residual;
  private final GrowingMemory room = new GrowingMemory();
  private MemorySegment logits = MemorySegment.NULL;
  private final boolean plain;

  /// Inputs of projections: normed rows, attention's results, the MLP's middle.
  final Activations normed;

  final Activations attended;

  /// Rotated queries of chunks.
  final Activations queries;

  final Activations inner;

  final Product qkv;
  final Product output;
  final Product gateUp;
  final Product down;

  /// Logits; where they are plain rows, they lie in what [#reserveLogits] made room for.
  Product head;

  /// @param plain whether products are plain rows of f32
  LaneBuffers(
      ModelConfig config,
      Libtorch torch,
      Elements elements,
      int lanes,
      int mostRows,
      boolean plain) {
    this.plain = plain;
    int rows =
        Math.max(Tiling.rounded(mostRows), Tiling.FIXED * Math.ceilDiv(mostRows, Tiling.FIXED));
    int tiles = Math.ceilDiv(rows, Tiling.FIXED);
    hidden = config.hidden();
    vocabulary = config.vocabulary();
    residual = pages.allocate(4L * rows * hidden, 64).address();
    normed = activations(torch, elements, rows, hidden);
    attended = activations(torch, elements, rows, config.heads() * config.headDim());
    inner = activations(torch, elements, rows, config.intermediate());
    queries =
        Activations.plain(pages, elements, plain ? rows : 0, config.heads() * config.headDim());
    if (plain) {
      qkv = rows(rows, (config.heads() + 2 * config.kvHeads()) * config.headDim());
      boolean apart = config.family().postNorms();
      output = apart ? rows(rows, hidden) : RowProduct.onto(residual, hidden);
      gateUp = rows(0, 0);
      down = output;
      head = rows(0, 0);
    } else {
      qkv = new TorchProduct(elements, PackedWeights.qkvShares(config, lanes), tiles);
      output = new TorchProduct(elements, PackedWeights.hiddenShares(config, lanes), tiles);
      gateUp = new TorchProduct(elements, PackedWeights.innerShares(config, lanes), tiles);
      down = new TorchProduct(elements, PackedWeights.hiddenShares(config, lanes), tiles);
      head = new TorchProduct(elements, PackedWeights.vocabularyShares(config, lanes), tiles);
    }
  }

  private Activations activations(Libtorch torch, Elements elements, int rows, int columns) {
    return plain
        ? Activations.plain(pages, elements, rows, columns)
        : Activations.tensor(torch, own, elements, rows, columns);
  }

  private RowProduct rows(int rows, int columns) {
    return RowProduct.at(pages.allocate(4L * rows * columns, 64).address(), columns);
  }

  /// A row of the residual stream, f32.
  long residual(int row) {
    return residual + 4L * row * hidden;
  }

  /// Makes room for the logits of so many rows.
  void reserveLogits(int rows) {
    logits = room.reserve(4L * rows * vocabulary);
    if (plain) head = RowProduct.at(logits.address(), vocabulary);
  }

  long logits(int row) {
    return logits.address() + 4L * row * vocabulary;
  }

  LogitRows allLogits(int rows) {
    return new LogitRows(logits.asSlice(0, 4L * rows * vocabulary), vocabulary);
  }

  @Override
  public void close() {
    normed.close();
    attended.close();
    queries.close();
    inner.close();
    own.close();
    room.close();
    arena.close();
  }
}
