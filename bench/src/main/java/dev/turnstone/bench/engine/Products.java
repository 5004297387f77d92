package dev.turnstone.bench.engine;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.TorchScript;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// The matrices of a model, packed for a number of rows, and inputs to multiply: the products of
/// one step, in order, as one call of libtorch's.
final class Products implements AutoCloseable {
  private final PtNDManager manager = Model.newManager();
  private final PtSymbolBlock module;
  private final IValue inputs;
  private final IValue matrices;
  private final IValue kinds;
  private final double flops;

  /// @param rows of the step
  /// @param wanted rows whose logits are computed
  /// @param share which part of each matrix's columns: 1 / share
  Products(ModelConfig c, int rows, int wanted, int share) {
    String code = TorchScript.source(Products.class, "floor.torchscript", Map.of());
    module = TorchScript.load(manager, "Floor", code);
    int attention = c.heads() * c.headDim();
    inputs =
        list(
            rows(rows, c.hidden()),
            rows(rows, attention),
            rows(rows, c.intermediate()),
            rows(wanted, c.hidden()));
    var packed = new ArrayList<PtNDArray>();
    var order = new ArrayList<Integer>();
    double perRow = 0;
    for (int layer = 0; layer < c.layers(); layer++) {
      packed.add(pack((attention + 2 * c.kvHeads() * c.headDim()) / share, c.hidden(), rows));
      packed.add(pack(c.hidden() / share, attention, rows));
      packed.add(pack(2 * c.intermediate() / share, c.hidden(), rows));
      packed.add(pack(c.hidden() / share, c.intermediate(), rows));
      order.addAll(List.of(0, 1, 0, 2));
      perRow += c.hidden() * (2.0 * attention + 2.0 * c.kvHeads() * c.headDim());
      perRow += 3.0 * c.hidden() * c.intermediate();
    }
    packed.add(pack(c.vocabulary() / share, c.hidden(), wanted));
    order.add(3);
    matrices = list(packed.toArray(PtNDArray[]::new));
    kinds = IValue.listFrom(order.stream().mapToLong(Integer::longValue).toArray());
    flops = 2 * (rows * perRow + (double) wanted * c.hidden() * c.vocabulary()) / share;
  }

  private static IValue list(PtNDArray... arrays) {
    return IValue.listFrom(arrays);
  }

  private PtNDArray rows(int rows, int columns) {
    return call("rows", rows, columns);
  }

  private PtNDArray pack(int outputs, int inputs, int rows) {
    return call("pack", outputs, inputs, rows);
  }

  private PtNDArray call(String method, long... arguments) {
    IValue[] values = new IValue[arguments.length];
    for (int i = 0; i < values.length; i++) values[i] = IValue.from(arguments[i]);
    try (IValue result = IValueUtils.runMethod(module, method, values)) {
      return result.toTensor(manager);
    } finally {
      for (IValue value : values) value.close();
    }
  }

  double flops() {
    return flops;
  }

  void run() {
    IValueUtils.runMethod(module, "products", inputs, matrices, kinds).close();
  }

  @Override
  public void close() {
    inputs.close();
    matrices.close();
    kinds.close();
    module.close();
    manager.close();
  }
}
