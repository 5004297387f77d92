package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import java.lang.foreign.SegmentAllocator;
import java.util.Optional;

/// Rows that lanes write and products read: an address and, where libtorch multiplies, a tensor.
final class Activations implements AutoCloseable {
  private final Optional<IValue> values;
  private final long address;
  private final long rowBytes;

  private Activations(Optional<IValue> values, long address, long rowBytes) {
    this.values = values;
    this.address = address;
    this.rowBytes = rowBytes;
  }

  /// Rows that libtorch reads; their memory belongs to the manager.
  static Activations tensor(
      Libtorch torch, PtNDManager own, Elements elements, int rows, int columns) {
    try (IValue r = IValue.from((long) rows);
        IValue c = IValue.from((long) columns)) {
      PtNDArray tensor = torch.run(own, "buffer", r, c);
      return new Activations(
          Optional.of(IValue.from(tensor)),
          Libtorch.address(tensor),
          (long) columns * elements.bytes());
    }
  }

  /// Rows in plain memory.
  static Activations plain(SegmentAllocator memory, Elements elements, int rows, int columns) {
    long rowBytes = (long) columns * elements.bytes();
    return new Activations(
        Optional.empty(), memory.allocate(rows * rowBytes, 64).address(), rowBytes);
  }

  IValue values() {
    return values.orElseThrow();
  }

  long row(int row) {
    return address + row * rowBytes;
  }

  long rowBytes() {
    return rowBytes;
  }

  @Override
  public void close() {
    values.ifPresent(IValue::close);
  }
}
