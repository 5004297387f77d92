package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.Precision;
import dev.turnstone.engine.TorchScript;
import java.lang.foreign.MemorySegment;
import java.util.Map;

/// The few things that lanes leave to libtorch: the methods of `lanes.torchscript`. Any thread may
/// call; each has its own number of libtorch threads.
final class Libtorch implements AutoCloseable {
  private final PtNDManager manager = Model.newManager();
  private final PtSymbolBlock module;

  Libtorch(ModelConfig config, Precision precision) {
    Map<String, String> constants =
        Map.of(
            "DTYPE", precision == Precision.BF16 ? "15" : "6",
            "GROUP", "" + config.heads() / config.kvHeads(),
            "HEAD_DIM", "" + config.headDim(),
            "ATTENTION", "" + config.heads() / config.kvHeads() * config.headDim(),
            "SCALE", String.valueOf(config.attentionScale()).replace('E', 'e'));
    String code = TorchScript.source(Libtorch.class, "lanes.torchscript", constants);
    module = TorchScript.load(manager, "Lanes", code);
  }

  /// Runs a method whose arguments stay the caller's.
  PtNDArray run(PtNDManager into, String method, IValue... arguments) {
    try (IValue result = IValueUtils.runMethod(module, method, arguments)) {
      return result.toTensor(into);
    }
  }

  /// Where a dense tensor's values lie. Never asks for its type, which DJL cannot say for bf16.
  static long address(PtNDArray tensor) {
    return MemorySegment.ofBuffer(JniUtils.getByteBuffer(tensor, true)).address();
  }

  @Override
  public void close() {
    module.close();
    manager.close();
  }
}
