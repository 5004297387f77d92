package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import dev.turnstone.engine.Model;
import java.util.ArrayList;
import java.util.List;

/// A projection of which each share is a matrix packed for libtorch.
final class TorchProjection implements Projection {
  private final Elements elements;
  private final Libtorch torch;
  private final Shares columns;
  private final List<IValue> packed = new ArrayList<>();
  private final List<IValue> biases = new ArrayList<>();

  /// @param matrices `[columns, inputs]` each
  /// @param biases `[columns]` each, or none at all
  TorchProjection(
      Libtorch torch,
      Elements elements,
      Shares columns,
      List<PtNDArray> matrices,
      List<PtNDArray> biases) {
    this.torch = torch;
    this.elements = elements;
    this.columns = columns;
    try (PtNDManager scratch = Model.newManager()) {
      for (int lane = 0; lane < columns.lanes(); lane++) {
        // A small matrix leaves lanes without a share.
        boolean empty = columns.count(lane) == 0;
        packed.add(empty ? IValue.from(0L) : pack(matrices, lane, scratch));
        if (!biases.isEmpty())
          this.biases.add(empty ? IValue.from(0L) : IValue.from(stack(biases, lane, scratch)));
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private IValue pack(List<PtNDArray> matrices, int lane, PtNDManager scratch) {
    try (IValue share = IValue.from(stack(matrices, lane, scratch))) {
      return IValue.from(torch.run(scratch, "pack", share));
    }
  }

  private PtNDArray stack(List<PtNDArray> parts, int lane, PtNDManager scratch) {
    PtNDArray[] cut = new PtNDArray[parts.size()];
    try (IValue first = IValue.from((long) columns.first(lane));
        IValue count = IValue.from((long) columns.count(lane))) {
      for (int i = 0; i < cut.length; i++)
        try (IValue whole = IValue.from(parts.get(i))) {
          cut[i] = torch.run(scratch, "part", whole, first, count);
        }
    }
    try (IValue list = IValue.listFrom(cut)) {
      return torch.run(scratch, "stack", list);
    }
  }

  @Override
  public void run(LaneStep step, Tiling tiling, Activations x, Product product) {
    var to = (TorchProduct) product;
    int lane = step.lane();
    to.begin(lane, tiling.tileRows());
    if (columns.count(lane) == 0) return;
    for (int tile = 0; tile < tiling.tiles(); tile++)
      to.take(lane, tile, multiply(lane, x, tiling, tile, step.scratch().results));
  }

  @Override
  public void runGated(
      LaneStep step, Activations x, Product product, Gate gate, Activations inner) {
    run(step, step.tiling(), x, product);
    var from = (TorchProduct) product;
    int lane = step.lane();
    for (int row = 0; row < step.batch().rows() && columns.count(lane) > 0; row++)
      gate.apply(
          elements,
          from.row(lane, row, 2, 0),
          from.row(lane, row, 2, 1),
          elements,
          inner.row(row) + (long) columns.first(lane) * elements.bytes(),
          columns.count(lane));
  }

  private PtNDArray multiply(int lane, Activations x, Tiling tiling, int tile, PtNDManager into) {
    IValue first = tiling.firstOf(tile);
    IValue w = packed.get(lane);
    if (biases.isEmpty()) return torch.run(into, "multiply", x.values(), first, tiling.count(), w);
    return torch.run(into, "multiplyAdd", x.values(), first, tiling.count(), w, biases.get(lane));
  }

  @Override
  public void close() {
    packed.forEach(IValue::close);
    biases.forEach(IValue::close);
  }
}
