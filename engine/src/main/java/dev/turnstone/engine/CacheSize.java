package dev.turnstone.engine;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/// How many blocks a KV cache has.
public final class CacheSize {
  /// Memory for one sequence of full length, and 256 MiB at least.
  public static final long FITTING = 0;

  private static final long USUAL = 256L << 20;

  private CacheSize() {}

  /// The blocks that an amount of memory makes.
  ///
  /// @param bytes memory of the cache, or [#FITTING]
  /// @param perBlock bytes of a block in all layers
  /// @throws IllegalArgumentException if the memory does not hold one sequence of full length
  public static int blocks(ModelConfig config, long bytes, long perBlock) {
    int least = least(config);
    long memory = bytes == FITTING ? Math.max(USUAL, least * perBlock) : bytes;
    long blocks = Math.min(Integer.MAX_VALUE / Model.BLOCK, memory / perBlock);
    if (blocks < least)
      throw new IllegalArgumentException(
          "a KV cache of %d MiB holds %d tokens, but one sequence of the model may have %d: set engine.kv_mib to %d or more"
              .formatted(
                  memory >> 20,
                  Math.max(0, blocks - 1) * Model.BLOCK,
                  config.contextLength(),
                  Math.ceilDiv(least * perBlock, 1 << 20)));
    return (int) blocks;
  }

  /// The same in this machine's own memory: asked for more than there is, the system would end the
  /// process without a word.
  ///
  /// @throws IllegalArgumentException if the machine, or its container, has less memory
  public static int blocksHere(ModelConfig config, long bytes, long perBlock) {
    int blocks = blocks(config, bytes, perBlock);
    long memory =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
    if (blocks > memory / perBlock)
      throw new IllegalArgumentException(
          "a KV cache of %d MiB, of which one sequence of %d tokens takes %d MiB, does not fit in the %d MiB of this machine"
              .formatted(
                  (blocks * perBlock) >> 20,
                  config.contextLength(),
                  Math.ceilDiv(least(config) * perBlock, 1 << 20),
                  memory >> 20));
    return blocks;
  }

  /// Block 0 pads tables, so one sequence of full length needs one block more than its tokens.
  private static int least(ModelConfig config) {
    return Math.ceilDiv(config.contextLength(), Model.BLOCK) + 1;
  }
}
