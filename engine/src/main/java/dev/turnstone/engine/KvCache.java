package dev.turnstone.engine;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;

/// The memory that blocks point into: keys and values per layer, `[slots, kv heads, head dim]`,
/// where slot = block × 16 + offset.
final class KvCache implements AutoCloseable {
  private final PtNDManager manager = Model.newManager();
  private final int blocks;
  private final long perBlock;
  private final PtNDArray[] keys;
  private final PtNDArray[] values;

  KvCache(Model model, long bytes) {
    ModelConfig config = model.config();
    perBlock = config.kvBytesPerToken(model.precision().bytes()) * Model.BLOCK;
    blocks =
        ComputeDevice.chosen().isGpu()
            ? CacheSize.blocks(config, bytes, perBlock)
            : CacheSize.blocksHere(config, bytes, perBlock);
    keys = new PtNDArray[config.layers()];
    values = new PtNDArray[config.layers()];
    for (int layer = 0; layer < config.layers(); layer++) {
      keys[layer] = model.run(manager, "zeros", IValue.from((long) blocks * Model.BLOCK));
      values[layer] = model.run(manager, "zeros", IValue.from((long) blocks * Model.BLOCK));
    }
  }

  int blocks() {
    return blocks;
  }

  long bytes() {
    return blocks * perBlock;
  }

  IValue keys() {
    return IValue.listFrom(keys);
  }

  IValue values() {
    return IValue.listFrom(values);
  }

  @Override
  public void close() {
    manager.close();
  }
}
