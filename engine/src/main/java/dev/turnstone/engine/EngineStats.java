package dev.turnstone.engine;

/// What an engine has done since it started, and what it holds now.
///
/// @param keptConversations conversations whose blocks are held for their next turn
/// @param keptBlocks those blocks
/// @param usedBlocks KV blocks that sequences or kept conversations hold; cached ones without a
///   holder do not count
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
    long steps,
    long promptTokens,
    long cachedTokens,
    long generatedTokens,
    long recomputedTokens,
    long preemptions,
    long weightUpdates) {
  public double kvUsage() {
    return totalBlocks == 0 ? 0 : (double) usedBlocks / totalBlocks;
  }
}
