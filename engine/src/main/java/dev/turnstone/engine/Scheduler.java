package dev.turnstone.engine;

import dev.turnstone.rollout.Generation.FinishReason;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
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
  private final SequenceBlocks blocks;
  private final int maxBatchTokens;
  private final int maxSequences;
  private final int maxScored;
  private final Retention retention;
  private final KeptBlocks kept;
  private final WaitingLine waiting = new WaitingLine();
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
    this.blocks = new SequenceBlocks(pool);
    this.retention = retention;
    this.kept = new KeptBlocks(pool, nanoTime);
    this.maxScored = maxScored;
    this.maxBatchTokens = maxBatchTokens;
    this.maxSequences = maxSequences;
  }

  void add(Sequence sequence) {
    Optional<String> conversation = sequence.request.conversation().filter(kept::has);
    conversation.ifPresent(kept::awaited);
    waiting.add(sequence, conversation.isPresent());
  }

  /// Removes a sequence whose turn is over; what it computed may serve the conversation's next.
  void finished(Sequence sequence) {
    Optional<String> conversation = sequence.request.conversation();
    boolean ran = running.contains(sequence);
    if (ran && conversation.isPresent() && !sequence.staleKv) {
      if (retention == Retention.NEVER) blocks.drop(sequence);
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
    waiting.forgetKept();
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
      while (!blocks.reserve(sequence, count)) {
        if (reclaimFor(sequence, count)) continue;
        preempted = true;
        if (preempt(running.removeLast()) == sequence) break;
      }
      if (i >= running.size()) break;
      budget -= count;
      batch.add(sequence);
    }
    if (!preempted && admitting) admit(batch, budget);
    return batch;
  }

  /// Lets waiting sequences in while there is room, and the budget is not spent.
  private void admit(List<Sequence> batch, int budget) {
    int left = budget;
    while (left > 0 && canAdmit()) {
      Sequence sequence = waiting.next();
      if (!acquirePrefix(sequence, running.isEmpty())) break;
      waiting.remove(sequence);
      running.add(sequence);
      int count = share(sequence, left);
      if (!blocks.reserve(sequence, count))
        throw new IllegalStateException("admitted without blocks");
      left -= count;
      batch.add(sequence);
    }
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

  /// Takes over the blocks of a prompt that are there already, if the rest of it fits too. The last
  /// token is always computed: its logits are needed.
  ///
  /// @param alone whether nothing else runs, so that room is made at any price
  private boolean acquirePrefix(Sequence sequence, boolean alone) {
    Optional<String> conversation =
        sequence.request.conversation().filter(_ -> !sequence.scoring());
    boolean continues = conversation.isPresent() && kept.handOver(conversation.get(), sequence);
    if (!continues) blocks.lookUp(sequence);
    if (!makeRoom(SequenceBlocks.missing(sequence, sequence.length() - sequence.computed), alone)) {
      if (continues) kept.takeBack(conversation.get(), sequence);
      blocks.release(sequence);
      return false;
    }
    sequence.staleKv = false;
    account(sequence);
    return true;
  }

  private boolean makeRoom(int needed, boolean alone) {
    if (needed <= pool.free()) return true;
    if (alone) return kept.reclaim(needed, true);
    return retention == Retention.ADAPTIVE && kept.reclaim(needed, false);
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
    return may && kept.reclaim(SequenceBlocks.missing(sequence, count), true);
  }

  private Sequence preempt(Sequence sequence) {
    preemptions++;
    blocks.release(sequence);
    waiting.addFirst(sequence);
    return sequence;
  }

  /// Ends a sequence wherever it is, with the tokens it has.
  void end(Sequence sequence, FinishReason reason) {
    remove(sequence);
    sequence.finish(reason);
  }

  void remove(Sequence sequence) {
    if (running.remove(sequence)) blocks.release(sequence);
    else waiting.remove(sequence);
  }

  /// Makes all running sequences start over from their tokens, in the same order.
  void recomputeRunning() {
    for (Sequence sequence : running.reversed()) {
      blocks.release(sequence);
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
    all.addAll(waiting.all());
    return all;
  }

  boolean isIdle() {
    return running.isEmpty() && (waiting.isEmpty() || !admitting);
  }

  /// Lends blocks for as long as `use` takes; kept conversations and, if need be, the youngest
  /// running sequences make room.
  ///
  /// @throws IllegalStateException if there are not so many
  <T> T lend(int count, Function<int[], T> use) {
    while (pool.free() < count && !kept.reclaim(count, true)) {
      if (running.isEmpty())
        throw new IllegalStateException(
            "it needs %d KV blocks of %d".formatted(count, pool.total()));
      preempt(running.removeLast());
    }
    int[] lent = new int[count];
    for (int i = 0; i < count; i++) lent[i] = pool.allocate().orElseThrow();
    try {
      return use.apply(lent);
    } finally {
      for (int block : lent) pool.release(block);
    }
  }

  EngineStats stats(long generated, long updates, long cacheBytes, EngineStats.Times times) {
    return new EngineStats(
        running.size(),
        waiting.size(),
        kept.conversations(),
        kept.blocks(),
        pool.used(),
        pool.total(),
        cacheBytes,
        times,
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
