package dev.turnstone.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/// The KV blocks of conversations whose next turn is awaited, the block that is not full included:
/// when it comes, nothing but its new tokens is computed.
///
/// Under pressure a conversation's blocks are worth keeping while blocks times the time until its
/// next turn are less than what recomputing them would hold up: its own blocks and those of all
/// that runs, for as long as that takes (the rule of InferCept, arXiv:2402.01869). A wait that has
/// lasted longer than waits usually do is expected to last as long again. Last blocks are given up
/// first, so that what is left is a prefix.
///
/// Confined to the engine thread.
final class KeptBlocks {
  private static final double NEWEST = 0.1;

  /// Prompt tokens below which a step says nothing of what they cost.
  private static final int TELLING = 32;

  private final BlockPool pool;
  private final Retention retention;
  private final LongSupplier nanoTime;
  private final LinkedHashMap<String, Kept> kept = new LinkedHashMap<>();
  private double meanWait = 1;
  private double secondsPerStep;
  private double secondsPerToken = 1e-3;
  private int blocks;

  /// @param nanoTime a clock such as `System::nanoTime`
  KeptBlocks(BlockPool pool, Retention retention, LongSupplier nanoTime) {
    this.pool = pool;
    this.retention = retention;
    this.nanoTime = nanoTime;
  }

  private static final class Kept {
    private final int[] tokens;
    private final String salt;
    private final List<Integer> blocks;
    private final List<Long> chains;
    private final long since;
    private int computed;
    private boolean awaited;

    private Kept(Sequence sequence, long since) {
      this.tokens = sequence.computedTokens();
      this.salt = sequence.salt();
      this.blocks = new ArrayList<>(sequence.blocks);
      this.chains = new ArrayList<>(sequence.chains);
      this.computed = sequence.computed;
      this.since = since;
    }
  }

  /// Takes over a finished turn's blocks, if the retention wants any to be kept.
  void ended(String conversation, Sequence sequence) {
    if (retention == Retention.NEVER) new SequenceBlocks(pool).drop(sequence);
    else keep(conversation, sequence);
  }

  /// Tokens that were never computed are not part of it.
  private void keep(String conversation, Sequence sequence) {
    release(conversation);
    Kept entry = new Kept(sequence, nanoTime.getAsLong());
    while (entry.blocks.size() > Math.ceilDiv(entry.computed, Model.BLOCK))
      pool.release(entry.blocks.removeLast());
    kept.put(conversation, entry);
    blocks += entry.blocks.size();
    sequence.blocks.clear();
    sequence.chains.clear();
  }

  /// Takes blocks back from a next turn that there was no room for.
  void takeBack(String conversation, Sequence sequence) {
    keep(conversation, sequence);
    kept.lastEntry().getValue().awaited = true;
  }

  /// Says that the next turn is there and waits to be run.
  void awaited(String conversation) {
    Kept entry = kept.get(conversation);
    if (entry == null || entry.awaited) return;
    entry.awaited = true;
    meanWait += NEWEST * (waited(entry) - meanWait);
  }

  boolean has(String conversation) {
    return kept.containsKey(conversation);
  }

  /// Hands a conversation's blocks to its next turn, if that begins with what was computed.
  ///
  /// @return whether it did; if not, they are released
  boolean handOver(String conversation, Sequence to) {
    Kept entry = kept.get(conversation);
    if (entry == null) return false;
    boolean continues = entry.computed < to.length() && entry.salt.equals(to.salt());
    for (int i = 0; continues && i < entry.computed; i++)
      continues = to.token(i) == entry.tokens[i];
    if (!continues) {
      release(conversation);
      return false;
    }
    kept.remove(conversation);
    blocks -= entry.blocks.size();
    to.blocks.addAll(entry.blocks);
    to.chains.addAll(entry.chains);
    to.computed = entry.computed;
    return true;
  }

  /// Releases what is held for a conversation to the prefix cache.
  void release(String conversation) {
    Kept entry = kept.remove(conversation);
    if (entry == null) return;
    blocks -= entry.blocks.size();
    for (Integer block : entry.blocks.reversed()) pool.release(block);
  }

  void releaseAll() {
    for (String conversation : List.copyOf(kept.keySet())) release(conversation);
  }

  /// Makes room for a sequence that waits, where the retention lets kept blocks be given up for it.
  ///
  /// @param alone whether nothing else runs, so that room is made at any price
  boolean makeRoomToBegin(int needed, boolean alone) {
    if (needed <= pool.free()) return true;
    if (alone) return reclaim(needed, true);
    return retention == Retention.ADAPTIVE && reclaim(needed, false);
  }

  /// The same for one that runs.
  ///
  /// @param alone whether nothing else runs; only then what is always kept makes room
  boolean makeRoomToGoOn(int needed, boolean alone) {
    return (alone || retention == Retention.ADAPTIVE) && reclaim(needed, true);
  }

  /// Releases blocks until so many are free, beginning with the conversation that is expected last.
  ///
  /// @param forced whether blocks that are worth keeping are given up too
  /// @return whether as many are free now
  boolean reclaim(int needed, boolean forced) {
    if (pool.free() >= needed) return true;
    List<Map.Entry<String, Kept>> candidates = new ArrayList<>(kept.entrySet());
    candidates.sort(
        Comparator.comparing((Map.Entry<String, Kept> entry) -> entry.getValue().awaited)
            .thenComparingDouble(entry -> -remaining(entry.getValue())));
    for (Map.Entry<String, Kept> candidate : candidates) {
      if (pool.free() >= needed) break;
      if (forced || costsMoreThanItSaves(candidate.getValue()))
        shrink(candidate.getKey(), candidate.getValue(), needed);
    }
    return pool.free() >= needed;
  }

  private boolean costsMoreThanItSaves(Kept entry) {
    if (entry.awaited) return false;
    int running = pool.used() - blocks;
    double recompute = secondsPerToken * entry.computed;
    double keeping = remaining(entry) * entry.blocks.size();
    return keeping > recompute * (entry.blocks.size() + running);
  }

  private void shrink(String conversation, Kept entry, int needed) {
    while (!entry.blocks.isEmpty() && pool.free() < needed) {
      pool.release(entry.blocks.removeLast());
      blocks--;
    }
    entry.computed = Math.min(entry.computed, entry.blocks.size() * Model.BLOCK);
    while (entry.chains.size() > entry.blocks.size()) entry.chains.removeLast();
    if (entry.blocks.isEmpty()) kept.remove(conversation);
  }

  private double waited(Kept entry) {
    return (nanoTime.getAsLong() - entry.since) / 1e9;
  }

  private double remaining(Kept entry) {
    double waited = waited(entry);
    return waited < meanWait ? meanWait - waited : waited;
  }

  /// Learns what a token of a prompt adds to a step: not what decoding takes anyway, for that is
  /// not spent again when blocks are computed again.
  ///
  /// @param prompt tokens of the step beside one for each sequence
  void stepTook(int prompt, long nanos) {
    double seconds = nanos / 1e9;
    if (prompt == 0) secondsPerStep += NEWEST * (seconds - secondsPerStep);
    else if (prompt >= TELLING)
      secondsPerToken +=
          NEWEST * (Math.max(0, seconds - secondsPerStep) / prompt - secondsPerToken);
  }

  int conversations() {
    return kept.size();
  }

  int blocks() {
    return blocks;
  }

  void addHolders(Map<Integer, Integer> held) {
    for (Kept entry : kept.values())
      for (int block : entry.blocks) held.merge(block, 1, Integer::sum);
  }
}
