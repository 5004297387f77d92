package dev.turnstone.engine;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.LongSupplier;

/// Decides which sequences run in the next step and with how many tokens.
///
/// One token budget per step: running sequences first, in order of admission, then waiting ones; a
/// prompt larger than what is left is computed in chunks. If a running sequence finds no block, the
/// youngest running one gives back its blocks and starts over from its tokens (recompute
/// preemption). Blocks are published when they are scheduled, not when computed: a step writes all
/// keys and values of a layer before it attends, so the rest of a group uses the first one's prompt
/// in the same step.
///
/// The blocks of a conversation between its turns are kept as the [Retention] says; a next turn
/// whose blocks are kept is admitted before what has to be computed from the start.
///
/// Confined to the engine thread.
final class Scheduler {
  private final BlockPool pool;
  private final int maxBatchTokens;
  private final int maxSequences;
  private final int maxScored;
  private final Retention retention;
  private final KeptBlocks kept;
  private final ArrayDeque<Sequence> returning = new ArrayDeque<>();
  private final ArrayDeque<Sequence> waiting = new ArrayDeque<>();
  private final ArrayList<Sequence> running = new ArrayList<>();
  private boolean admitting = true;
  private long preemptions;
  private long promptTokens;
  private long cachedTokens;
  private long recomputedTokens;

  /// @param maxScored prompt tokens that one sequence may have scored in a step
  Scheduler(
      BlockPool pool,
      int maxBatchTokens,
      int maxSequences,
      int maxScored,
      Retention retention,
      LongSupplier nanoTime) {
    this.pool = pool;
    this.retention = retention;
    this.kept = new KeptBlocks(pool, nanoTime);
    this.maxScored = maxScored;
    this.maxBatchTokens = maxBatchTokens;
    this.maxSequences = maxSequences;
  }

  void add(Sequence sequence) {
    Optional<String> conversation = sequence.request.conversation().filter(kept::has);
    conversation.ifPresent(kept::awaited);
    (conversation.isPresent() ? returning : waiting).add(sequence);
  }

  /// Removes a sequence whose turn is over; what it computed may serve the conversation's next.
  void finished(Sequence sequence) {
    Optional<String> conversation = sequence.request.conversation();
    boolean ran = running.contains(sequence);
    if (ran && conversation.isPresent() && !sequence.staleKv) {
      if (retention == Retention.NEVER) dropBlocks(sequence);
      else kept.keep(conversation.get(), sequence);
    }
    remove(sequence);
  }

  /// No request of the conversation will follow.
  void forget(String conversation) {
    kept.release(conversation);
  }

  /// Nothing that was computed so far is of use any more: other weights, or a failed step.
  void forgetCached() {
    kept.releaseAll();
    pool.forgetCached();
    while (!returning.isEmpty()) waiting.addFirst(returning.removeLast());
  }

  /// Learns from a step how fast tokens are computed; steps that mostly decode say little of it.
  void stepTook(int tokens, int sequences, long nanos) {
    if (tokens >= 4 * sequences) kept.stepTook(tokens, nanos);
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
        if (reclaimFor(sequence, count)) continue;
        preempted = true;
        if (preempt(running.removeLast()) == sequence) break;
      }
      if (i >= running.size()) break;
      budget -= count;
      batch.add(sequence);
    }
    while (!preempted && admitting && budget > 0 && canAdmit()) {
      ArrayDeque<Sequence> queue = returning.isEmpty() ? waiting : returning;
      Sequence sequence = queue.element();
      if (!acquirePrefix(sequence, running.isEmpty())) break;
      queue.remove();
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
    return !(waiting.isEmpty() && returning.isEmpty()) && running.size() < maxSequences;
  }

  /// Takes over the blocks of a prompt that are there already, if the rest of it fits too. The last
  /// token is always computed: its logits are needed.
  ///
  /// @param alone whether nothing else runs, so that room is made at any price
  private boolean acquirePrefix(Sequence sequence, boolean alone) {
    Optional<String> conversation =
        sequence.request.conversation().filter(_ -> !sequence.scoring());
    boolean continues = conversation.isPresent() && kept.handOver(conversation.get(), sequence);
    if (!continues) lookUp(sequence);
    if (!makeRoom(missing(sequence, sequence.length() - sequence.computed), alone)) {
      if (continues) kept.takeBack(conversation.get(), sequence);
      releaseBlocks(sequence);
      return false;
    }
    sequence.staleKv = false;
    account(sequence);
    return true;
  }

  private void lookUp(Sequence sequence) {
    long chain = pool.root();
    int usable = sequence.scoring() ? 0 : (sequence.length() - 1) / Model.BLOCK;
    for (int index = 0; index < usable; index++) {
      OptionalInt block = pool.acquireCached(chain, sequence.block(index));
      if (block.isEmpty()) break;
      sequence.blocks.add(block.getAsInt());
      chain = pool.unique(block.getAsInt());
      sequence.chains.add(chain);
    }
    sequence.computed = sequence.blocks.size() * Model.BLOCK;
  }

  private boolean makeRoom(int needed, boolean alone) {
    if (needed <= pool.free()) return true;
    if (alone) return kept.reclaim(needed, true);
    return retention == Retention.ADAPTIVE && kept.reclaim(needed, false);
  }

  /// Blocks that a sequence lacks for its next `count` tokens.
  private static int missing(Sequence sequence, int count) {
    return Math.ceilDiv(sequence.computed + count, Model.BLOCK) - sequence.blocks.size();
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

  /// Whether blocks that are only kept make room for what runs; always kept ones only for the last
  /// that runs.
  private boolean reclaimFor(Sequence sequence, int count) {
    boolean may = retention == Retention.ADAPTIVE || running.size() == 1;
    return may && kept.reclaim(missing(sequence, count), true);
  }

  /// Finds blocks for the next `count` tokens; on failure nothing has changed.
  private boolean reserve(Sequence sequence, int count) {
    int needed = missing(sequence, count);
    if (needed > pool.free()) return false;
    for (int i = 0; i < needed; i++) sequence.blocks.add(pool.allocate().orElseThrow());
    sequence.scheduled = count;
    if (!sequence.staleKv) publishFull(sequence, sequence.computed + count);
    return true;
  }

  private void publishFull(Sequence sequence, int end) {
    List<Long> chains = sequence.chains;
    while ((chains.size() + 1) * Model.BLOCK <= end) {
      int index = chains.size();
      long parent = index == 0 ? pool.root() : chains.getLast();
      chains.add(pool.publish(sequence.blocks.get(index), parent, sequence.block(index)));
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
    emptied(sequence);
  }

  private void dropBlocks(Sequence sequence) {
    for (Integer block : sequence.blocks.reversed()) pool.drop(block);
    emptied(sequence);
  }

  private static void emptied(Sequence sequence) {
    sequence.blocks.clear();
    sequence.chains.clear();
    sequence.computed = 0;
    sequence.scheduled = 0;
  }

  void remove(Sequence sequence) {
    if (running.remove(sequence)) releaseBlocks(sequence);
    else if (!returning.remove(sequence)) waiting.remove(sequence);
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
    all.addAll(returning);
    all.addAll(waiting);
    return all;
  }

  boolean isIdle() {
    return running.isEmpty() && ((waiting.isEmpty() && returning.isEmpty()) || !admitting);
  }

  EngineStats stats(long steps, long generated, long updates) {
    return new EngineStats(
        running.size(),
        waiting.size() + returning.size(),
        kept.conversations(),
        kept.blocks(),
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
    kept.addHolders(held);
    pool.checkIntegrity(held);
  }
}
