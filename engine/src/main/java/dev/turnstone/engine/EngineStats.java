package dev.turnstone.engine;

import java.util.List;

/// What an engine has done since it started, and what it holds now.
///
/// @param keptConversations conversations whose blocks are held for their next turn
/// @param keptBlocks those blocks
/// @param usedBlocks KV blocks that sequences or kept conversations hold; cached ones without a
///   holder do not count
/// @param cacheBytes native memory of all KV blocks
/// @param promptTokens prompt tokens of admitted requests, cached ones included
/// @param cachedTokens prompt tokens that were not computed again
/// @param recomputedTokens tokens computed a second time after a preemption or a weight update
public record EngineStats(
    int running,
    int waiting,
    int keptConversations,
    int keptBlocks,
    int usedBlocks,
    int totalBlocks,
    long cacheBytes,
    Times times,
    long promptTokens,
    long cachedTokens,
    long generatedTokens,
    long recomputedTokens,
    long preemptions,
    long weightUpdates) {
  /// Where the engine thread's time went, in nanoseconds.
  ///
  /// @param runnable time in which a sequence could run
  /// @param busy time in which a step ran, sampling included
  /// @param scheduling time in which steps were put together
  /// @param tokens how many tokens steps had
  public record Times(long steps, long runnable, long busy, long scheduling, StepTokens tokens) {}

  /// How many tokens steps had, those of prompts included.
  ///
  /// @param sum of all steps
  /// @param counts of steps with at most so many as [#BOUNDS] says at the same place; the last are
  ///   those with more
  public record StepTokens(long sum, List<Long> counts) {
    /// As vLLM counts them.
    public static final List<Integer> BOUNDS =
        List.of(1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384);
  }

  public long steps() {
    return times.steps();
  }

  public double kvUsage() {
    return totalBlocks == 0 ? 0 : (double) usedBlocks / totalBlocks;
  }
}
