package dev.turnstone.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Sequences that wait to run, and what they need not compute when they begin: the full blocks of
/// their prompt that are cached, the tail of it that a running sequence has, or the blocks that
/// their conversation has kept since its last turn.
///
/// Those whose conversation has kept blocks go first, then all others, each in order of arrival.
/// Confined to the engine thread.
final class Admission {
  private final BlockPool pool;
  private final SequenceBlocks blocks;
  private final KeptBlocks kept;
  private final WaitingLine waiting = new WaitingLine();
  private long promptTokens;
  private long cachedTokens;
  private long recomputedTokens;

  Admission(BlockPool pool, SequenceBlocks blocks, KeptBlocks kept) {
    this.pool = pool;
    this.blocks = blocks;
    this.kept = kept;
  }

  /// Whether a sequence may run.
  sealed interface Answer {
    /// It may, and holds what it need not compute.
    ///
    /// @param tail the block with which the first of its own begins
    record Now(Optional<Integer> tail) implements Answer {}

    /// When a running one has computed what both begin with.
    record AfterStep() implements Answer {}

    /// Not before blocks are free, nor may anyone behind it.
    record NoRoom() implements Answer {}
  }

  void add(Sequence sequence) {
    Optional<String> conversation = sequence.request.conversation().filter(kept::has);
    conversation.ifPresent(kept::awaited);
    waiting.add(sequence, conversation.isPresent());
  }

  /// Puts a sequence that ran already before all that have not.
  void addFirst(Sequence sequence) {
    waiting.addFirst(sequence);
  }

  /// The same for several, in their order.
  void addFirst(List<Sequence> sequences) {
    sequences.reversed().forEach(waiting::addFirst);
  }

  Sequence next() {
    return waiting.next();
  }

  void remove(Sequence sequence) {
    waiting.remove(sequence);
  }

  boolean isEmpty() {
    return waiting.isEmpty();
  }

  int size() {
    return waiting.size();
  }

  List<Sequence> all() {
    return new ArrayList<>(waiting.all());
  }

  /// Nothing is kept for anybody any more.
  void forgetKept() {
    waiting.forgetKept();
  }

  /// Takes over what is computed already of a waiting sequence, if the rest of it fits too. The
  /// last token is always computed: its logits are needed.
  Answer begin(Sequence sequence, List<Sequence> running) {
    Optional<String> kin = sequence.request.conversation().filter(_ -> !sequence.scoring());
    boolean continues = kin.isPresent() && kept.handOver(kin.get(), sequence);
    if (!continues) blocks.lookUp(sequence);
    Optional<SharedTail> tail =
        continues || sequence.scoring()
            ? Optional.empty()
            : SharedTail.find(sequence, pool.root(), running);
    if (tail.isPresent() && tail.get().grows() && !sequence.waitedForTail) {
      // Once: whoever has the tail may end with the step.
      sequence.waitedForTail = true;
      blocks.release(sequence);
      return new Answer.AfterStep();
    }
    int missing = SequenceBlocks.missing(sequence, sequence.length() - sequence.computed);
    if (!kept.makeRoomToBegin(missing, running.isEmpty())) {
      if (continues) kept.takeBack(kin.orElseThrow(), sequence);
      blocks.release(sequence);
      return new Answer.NoRoom();
    }
    Optional<SharedTail> copied = tail.filter(found -> found.computed() > 0);
    copied.ifPresent(found -> sequence.computed += found.computed());
    sequence.staleKv = false;
    account(sequence);
    return new Answer.Now(copied.map(SharedTail::block));
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

  long promptTokens() {
    return promptTokens;
  }

  long cachedTokens() {
    return cachedTokens;
  }

  long recomputedTokens() {
    return recomputedTokens;
  }
}
