package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;

/// Rows that lanes write and libtorch reads: a tensor and its address.
final class Activations implements AutoCloseable {
  private final IValue values;
  private final long address;
  private final long rowBytes;

  /// Its memory belongs to the manager.
  Activations(Libtorch torch, PtNDManager own, Elements elements, int rows, int columns) {
    try (IValue r = IValue.from((long) rows);
        IValue c = IValue.from((long) columns)) {
      PtNDArray tensor = torch.run(own, "buffer", r, c);
      values = IValue.from(tensor);
      address = Libtorch.address(tensor);
    }
    rowBytes = (long) columns * elements.bytes();
  }

  IValue values() {
    return values;
  }

  long row(int row) {
    return address + row * rowBytes;
  }

  @Override
  public void close() {
    values.close();
  }
}
