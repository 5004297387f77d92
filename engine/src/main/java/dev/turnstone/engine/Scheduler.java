package dev.turnstone.engine;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/// Decides which sequences run in the next step and with how many tokens.
///
/// One token budget per step: running sequences first, in order of admission, then waiting ones; a
/// prompt larger than what is left is computed in chunks. If a running sequence finds no block, the
/// youngest running one gives back its blocks and starts over from its tokens (recompute
/// preemption). Blocks are published when they are scheduled, not when computed: a step writes all
/// keys and values of a layer before it attends, so the rest of a group uses the first one's prompt
/// in the same step.
///
/// Confined to the engine thread.
final class Scheduler {
  private final BlockPool pool;
  private final int maxBatchTokens;
  private final int maxSequences;
  private final int maxScored;
  private final ArrayDeque<Sequence> waiting = new ArrayDeque<>();
  private final ArrayList<Sequence> running = new ArrayList<>();
  private boolean admitting = true;
  private long preemptions;
  private long promptTokens;
  private long cachedTokens;
  private long recomputedTokens;

  /// @param maxScored prompt tokens that one sequence may have scored in a step
  Scheduler(BlockPool pool, int maxBatchTokens, int maxSequences, int maxScored) {
    this.pool = pool;
    this.maxScored = maxScored;
    this.maxBatchTokens = maxBatchTokens;
    this.maxSequences = maxSequences;
  }

  void add(Sequence sequence) {
    waiting.add(sequence);
  }

  /// The sequences of the next step, each with `scheduled` set; empty if nothing can run.
  List<Sequence> schedule() {
    var batch = new ArrayList<Sequence>();
    int budget = maxBatchTokens;
    boolean preempted = false;
    for (int i = 0; i < running.size() && budget > 0; i++) {
      Sequence sequence = running.get(i);
      int count = share(sequence, budget);
      while (!reserve(sequence, count)) {
        preempted = true;
        if (preempt(running.removeLast()) == sequence) break;
      }
      if (i >= running.size()) break;
      budget -= count;
      batch.add(sequence);
    }
    while (!preempted && admitting && budget > 0 && canAdmit()) {
      Sequence sequence = waiting.peek();
      if (!acquirePrefix(sequence)) break;
      waiting.poll();
      running.add(sequence);
      int count = share(sequence, budget);
      if (!reserve(sequence, count)) throw new IllegalStateException("admitted without blocks");
      budget -= count;
      batch.add(sequence);
    }
    return batch;
  }

  /// Tokens of a sequence that the next step may compute. Scoring a prompt takes a row of logits
  /// for each, so it goes in smaller steps.
  private int share(Sequence sequence, int budget) {
    int most = sequence.scoring() ? Math.min(budget, maxScored) : budget;
    return Math.min(most, sequence.length() - sequence.computed);
  }

  private boolean canAdmit() {
    return !waiting.isEmpty() && running.size() < maxSequences;
  }

  /// Takes over the cached blocks of a prompt if the rest of it fits too. The last token is always
  /// computed: its logits are needed.
  private boolean acquirePrefix(Sequence sequence) {
    long chain = pool.root();
    int usable = sequence.scoring() ? 0 : (sequence.length() - 1) / Model.BLOCK;
    for (int index = 0; index < usable; index++) {
      OptionalInt block = pool.acquireCached(chain, sequence.block(index));
      if (block.isEmpty()) break;
      sequence.blocks.add(block.getAsInt());
      chain = pool.unique(block.getAsInt());
    }
    int needed = Math.ceilDiv(sequence.length(), Model.BLOCK) - sequence.blocks.size();
    if (needed > pool.free()) {
      releaseBlocks(sequence);
      return false;
    }
    sequence.published = sequence.blocks.size();
    sequence.chain = chain;
    sequence.computed = sequence.published * Model.BLOCK;
    sequence.staleKv = false;
    account(sequence);
    return true;
  }

  private void account(Sequence sequence) {
    if (sequence.admittedBefore()) {
      recomputedTokens += sequence.length() - sequence.computed;
    } else {
      promptTokens += sequence.length();
      cachedTokens += sequence.computed;
    }
    sequence.admitted(sequence.computed);
  }

  /// Finds blocks for the next `count` tokens; on failure nothing has changed.
  private boolean reserve(Sequence sequence, int count) {
    int end = sequence.computed + count;
    int needed = Math.ceilDiv(end, Model.BLOCK) - sequence.blocks.size();
    if (needed > pool.free()) return false;
    for (int i = 0; i < needed; i++) sequence.blocks.add(pool.allocate().orElseThrow());
    sequence.scheduled = count;
    if (!sequence.staleKv) publishFull(sequence, end);
    return true;
  }

  private void publishFull(Sequence sequence, int end) {
    while ((sequence.published + 1) * Model.BLOCK <= end) {
      int index = sequence.published++;
      sequence.chain =
          pool.publish(sequence.blocks.get(index), sequence.chain, sequence.block(index));
    }
  }

  private Sequence preempt(Sequence sequence) {
    preemptions++;
    releaseBlocks(sequence);
    waiting.addFirst(sequence);
    return sequence;
  }

  /// The last blocks are freed first, so that the first ones, which others may share, stay longest.
  private void releaseBlocks(Sequence sequence) {
    for (Integer block : sequence.blocks.reversed()) pool.release(block);
    sequence.blocks.clear();
    sequence.computed = 0;
    sequence.scheduled = 0;
    sequence.published = 0;
  }

  void remove(Sequence sequence) {
    if (running.remove(sequence)) releaseBlocks(sequence);
    else waiting.remove(sequence);
  }

  /// Makes all running sequences start over from their tokens, in the same order.
  void recomputeRunning() {
    for (Sequence sequence : running.reversed()) {
      releaseBlocks(sequence);
      waiting.addFirst(sequence);
    }
    running.clear();
  }

  /// While false, only running sequences are scheduled.
  void admitting(boolean admits) {
    admitting = admits;
  }

  List<Sequence> running() {
    return List.copyOf(running);
  }

  List<Sequence> all() {
    var all = new ArrayList<>(running);
    all.addAll(waiting);
    return all;
  }

  boolean isIdle() {
    return running.isEmpty() && (waiting.isEmpty() || !admitting);
  }

  EngineStats stats(long steps, long generated, long updates) {
    return new EngineStats(
        running.size(),
        waiting.size(),
        pool.used(),
        pool.total(),
        steps,
        promptTokens,
        cachedTokens,
        generated,
        recomputedTokens,
        preemptions,
        updates);
  }

  void checkIntegrity() {
    Map<Integer, Integer> held = new HashMap<>();
    for (Sequence sequence : running)
      for (int block : sequence.blocks) held.merge(block, 1, Integer::sum);
    pool.checkIntegrity(held);
  }
}
