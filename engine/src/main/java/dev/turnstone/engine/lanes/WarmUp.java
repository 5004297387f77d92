package dev.turnstone.engine.lanes;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.Parameters;
import dev.turnstone.engine.Precision;
import dev.turnstone.engine.StepBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// Steps of a made-up model of one layer, so that what computes a step is compiled while the real
/// model is still being read. Vector code that is not compiled yet is a hundred times slower, and a
/// server's first token would wait a second for it.
///
/// The launcher asks for these kernels to be compiled after a fiftieth of the usual calls, or a few
/// rounds would not do.
final class WarmUp {
  private static final int ROUNDS = 30;
  private static final int TOKENS = 256;
  private static final int ROWS = 16;
  private static final int DECODES = 4;
  private static final long CACHE_BYTES = 16 << 20;

  /// As wide as small models are, so that loops are as long as theirs.
  private static final int HIDDEN = 1024;

  private static final int INTERMEDIATE = 2048;
  private static final int KV_HEADS = 4;

  private WarmUp() {}

  /// Runs on the calling thread, for about a second.
  static void run(ModelConfig model, Precision precision) {
    ModelConfig config = oneLayer(model);
    Model.prepareThread(1);
    try (var forward = new LaneForward(config, precision, 1, CACHE_BYTES, 2 * ROWS, false);
        var weights = forward.prepare(zeros(config))) {
      for (int round = 0; round < ROUNDS; round++) {
        forward.run(chunk(), weights);
        for (int i = 0; i < DECODES; i++) forward.run(decode(i), weights);
      }
    }
  }

  private static ModelConfig oneLayer(ModelConfig model) {
    int kvHeads = Math.min(model.kvHeads(), KV_HEADS);
    return new ModelConfig(
        model.family(),
        Math.min(model.vocabulary(), 64),
        Math.min(model.hidden(), HIDDEN),
        Math.min(model.intermediate(), INTERMEDIATE),
        1,
        kvHeads * (model.heads() / model.kvHeads()),
        kvHeads,
        model.headDim(),
        TOKENS,
        model.normEps(),
        model.tied(),
        model.biases(),
        model.attentionScale(),
        model.window(),
        List.of(model.kinds().getLast()),
        model.ropes());
  }

  private static Parameters zeros(ModelConfig config) {
    PtNDManager own = Model.newManager();
    var tensors = new ArrayList<PtNDArray>();
    for (String name : config.parameterNames()) {
      long[] shape = config.shape(name).stream().mapToLong(Long::longValue).toArray();
      tensors.add((PtNDArray) own.zeros(new Shape(shape), DataType.FLOAT32));
    }
    return new Parameters(own, config.parameterNames(), tensors);
  }

  private static StepBatch chunk() {
    int[] ids = new int[ROWS];
    int[] blocks = IntStream.range(1, 1 + ROWS / Model.BLOCK).toArray();
    return new StepBatch(
        ids, List.of(new StepBatch.Part(0, ROWS, 0, blocks)), new int[] {ROWS - 1});
  }

  private static StepBatch decode(int i) {
    int[] blocks = IntStream.range(1, 2 + (ROWS + i) / Model.BLOCK).toArray();
    return new StepBatch(
        new int[1], List.of(new StepBatch.Part(0, 1, ROWS + i, blocks)), new int[] {0});
  }
}
