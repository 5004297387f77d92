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
/// keys and values of a layer before it attends, so the rest of a group uses the first one's full
/// blocks in the same step. The block in which a prompt ends is copied, for each goes on in its
/// own; the rest of a group comes a step later for it.
///
/// Confined to the engine thread.
final class Scheduler {
  private final BlockPool pool;
  private final SequenceBlocks blocks;
  private final KeptBlocks kept;
  private final Admission waiting;
  private final int maxBatchTokens;
  private final int maxSequences;
  private final int maxScored;
  private final ArrayList<Sequence> running = new ArrayList<>();
  private boolean admitting = true;
  private long preemptions;

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
    this.kept = new KeptBlocks(pool, retention, nanoTime);
    this.waiting = new Admission(pool, blocks, kept);
    this.maxScored = maxScored;
    this.maxBatchTokens = maxBatchTokens;
    this.maxSequences = maxSequences;
  }

  void add(Sequence sequence) {
    waiting.add(sequence);
  }

  /// Removes a sequence whose turn is over; what it computed may serve the conversation's next.
  void finished(Sequence sequence) {
    Optional<String> conversation = sequence.request.conversation();
    if (conversation.isPresent() && !sequence.staleKv && running.contains(sequence))
      kept.ended(conversation.get(), sequence);
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

  /// Learns from a step how fast prompts are computed.
  void stepTook(int tokens, int sequences, long nanos) {
    kept.stepTook(tokens - sequences, nanos);
  }

  /// Puts the next step together.
  Schedule schedule() {
    var batch = new ArrayList<Sequence>();
    var copies = new ArrayList<BlockCopy>();
    int budget = maxBatchTokens;
    boolean preempted = false;
    for (int i = 0; i < running.size() && budget > 0; i++) {
      Sequence sequence = running.get(i);
      int count = share(sequence, budget);
      while (!blocks.reserve(sequence, count)) {
        if (kept.makeRoomToGoOn(SequenceBlocks.missing(sequence, count), running.size() == 1))
          continue;
        preempted = true;
        if (preempt(running.removeLast()) == sequence) break;
      }
      if (i >= running.size()) break;
      budget -= count;
      batch.add(sequence);
    }
    if (!preempted && admitting) admit(batch, copies, budget);
    return new Schedule(batch, copies);
  }

  /// Lets waiting sequences in while there is room, and the budget is not spent.
  private void admit(List<Sequence> batch, List<BlockCopy> copies, int budget) {
    var later = new ArrayList<Sequence>();
    int left = budget;
    while (left > 0 && !waiting.isEmpty() && running.size() + later.size() < maxSequences) {
      Sequence sequence = waiting.next();
      Admission.Answer answer = waiting.begin(sequence, running);
      if (answer instanceof Admission.Answer.NoRoom) break;
      waiting.remove(sequence);
      switch (answer) {
        case Admission.Answer.Now(var tail) -> {
          left -= run(sequence, left, tail, copies);
          batch.add(sequence);
        }
        default -> later.add(sequence);
      }
    }
    waiting.addFirst(later);
  }

  private int run(Sequence sequence, int budget, Optional<Integer> tail, List<BlockCopy> copies) {
    running.add(sequence);
    int count = share(sequence, budget);
    int own = sequence.blocks.size();
    if (!blocks.reserve(sequence, count)) throw new IllegalStateException("admitted without room");
    tail.ifPresent(from -> copies.add(new BlockCopy(from, sequence.blocks.get(own))));
    return count;
  }

  /// Tokens of a sequence that the next step may compute. Scoring a prompt takes a row of logits
  /// for each, so it goes in smaller steps.
  private int share(Sequence sequence, int budget) {
    int most = sequence.scoring() ? Math.min(budget, maxScored) : budget;
    return Math.min(most, sequence.length() - sequence.computed);
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

  /// Removes a sequence whose numbers are none. Others do not use what it computed: tokens that
  /// attend together have passed it on to those before them, for 0 times no number is none.
  void discard(Sequence sequence) {
    if (running.remove(sequence)) blocks.drop(sequence);
  }

  /// Makes all running sequences start over from their tokens, in the same order.
  void recomputeRunning() {
    running.forEach(blocks::release);
    waiting.addFirst(running);
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
    List<Sequence> all = waiting.all();
    all.addAll(0, running);
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
        waiting.promptTokens(),
        waiting.cachedTokens(),
        generated,
        waiting.recomputedTokens(),
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
