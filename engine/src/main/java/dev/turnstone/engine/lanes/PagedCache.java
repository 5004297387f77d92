package dev.turnstone.engine.lanes;

import dev.turnstone.engine.CacheSize;
import dev.turnstone.engine.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Keys and values of blocks of 16 tokens, per layer and KV head, laid out so that attention never
/// sums across a vector: consecutive vector lanes hold consecutive tokens of a key's dimension, and
/// consecutive dimensions of a token's value. See [AttentionKernel] for the order within a block.
final class PagedCache implements AutoCloseable {
  /// Bytes that a load may bring from beyond the last value: those of two vectors.
  private static final int BEYOND = 2 * Simd.FLOATS.vectorByteSize();

  private final Arena arena = Arena.ofShared();
  private final int blocks;
  private final long blockBytes;
  private final long headBytes;
  private final long valuesOffset;
  private final long[] layers;

  /// @throws IllegalArgumentException if the memory does not hold one sequence of full length, or
  ///   the machine not that memory
  PagedCache(ModelConfig config, AttentionKernel kernel, long bytes) {
    valuesOffset = kernel.keyBytes();
    headBytes = kernel.keyBytes() + kernel.valueBytes();
    blockBytes = headBytes * config.kvHeads();
    blocks = CacheSize.blocksHere(config, bytes, blockBytes * config.layers());
    var pages = new LargePages(arena);
    layers = new long[config.layers()];
    for (int layer = 0; layer < layers.length; layer++)
      layers[layer] = pages.allocate(blocks * blockBytes + BEYOND, 64).address();
  }

  int blocks() {
    return blocks;
  }

  long bytes() {
    return blocks * blockBytes * layers.length;
  }

  /// Where the keys of a block's head begin.
  long keys(int layer, int block, int head) {
    return layers[layer] + block * blockBytes + head * headBytes;
  }

  /// Where its values begin.
  long values(int layer, int block, int head) {
    return keys(layer, block, head) + valuesOffset;
  }

  /// Copies a block in all layers.
  void copy(int from, int to) {
    for (long layer : layers)
      MemorySegment.copy(
          Simd.MEMORY, layer + from * blockBytes, Simd.MEMORY, layer + to * blockBytes, blockBytes);
  }

  @Override
  public void close() {
    arena.close();
  }
}
