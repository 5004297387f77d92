package dev.turnstone.trainerbridge.trainer;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import dev.turnstone.engine.FloatTensor;
import dev.turnstone.engine.Model;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// The critic of PPO: one linear output over the policy's last hidden state, zero at first.
///
/// It is the trainer's own, stored in checkpoints and never published.
final class ValueHead implements AutoCloseable {
  static final List<String> NAMES = List.of("value_head.weight", "value_head.bias");

  private final PtNDManager manager = Model.newManager();
  private final List<PtNDArray> tensors;

  ValueHead(int hidden) {
    tensors =
        List.of(
            (PtNDArray) manager.zeros(new Shape(1, hidden), DataType.FLOAT32),
            (PtNDArray) manager.zeros(new Shape(1), DataType.FLOAT32));
  }

  /// Weight `[1, hidden]` and bias `[1]`.
  List<PtNDArray> tensors() {
    return tensors;
  }

  Map<String, FloatTensor> values() {
    var values = new LinkedHashMap<String, FloatTensor>();
    for (int i = 0; i < NAMES.size(); i++) values.put(NAMES.get(i), floats(tensors.get(i)));
    return values;
  }

  void restore(Map<String, FloatTensor> values) {
    for (int i = 0; i < NAMES.size(); i++)
      Learner.set(tensors.get(i), Objects.requireNonNull(values.get(NAMES.get(i))));
  }

  static FloatTensor floats(PtNDArray tensor) {
    return new FloatTensor(
        Arrays.stream(tensor.getShape().getShape()).boxed().toList(), tensor.toFloatArray());
  }

  @Override
  public void close() {
    manager.close();
  }
}
