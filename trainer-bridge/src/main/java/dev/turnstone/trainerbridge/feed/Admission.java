package dev.turnstone.trainerbridge.feed;

import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.log.RunTable;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.TreeSet;

/// How many more groups a run may start: at most (η + 1) × B are admitted and not yet released.
///
/// A group is released when it is dropped, or when `trained` covers it and the version of that
/// `trained` is applied. There is no version arithmetic beyond that, so filtered groups, skipped
/// steps and resumes cannot make it drift. Confined to its run's lock.
public final class Admission {
  private final int bound;
  private final TreeSet<Long> unreleased = new TreeSet<>();
  private final Deque<Step> steps = new ArrayDeque<>();
  private int running;
  private long trained;
  private int trainedVersion;
  private long released;

  /// A training step whose version is not applied yet.
  private record Step(long seq, int version) {}

  /// @param bound (η + 1) × B
  public Admission(int bound) {
    this.bound = bound;
  }

  /// Takes the stored state, at start and when a trainer comes back with less than it had.
  ///
  /// @param complete seqs above the released one whose groups were not dropped
  void restore(RunTable.Cursors cursors, Collection<Long> complete, WeightsId applied) {
    trained = cursors.trained();
    trainedVersion = cursors.trainedVersion();
    released = cursors.released();
    steps.removeIf(step -> step.seq() > trained);
    if (trained > released && (steps.isEmpty() || steps.getLast().seq() < trained))
      steps.add(new Step(trained, trainedVersion));
    unreleased.clear();
    unreleased.addAll(complete);
    applied(applied, false);
  }

  public int free() {
    return Math.max(0, bound - running - unreleased.size());
  }

  public int admitted() {
    return running + unreleased.size();
  }

  public void started(int groups) {
    running += groups;
  }

  public void completed(long seq) {
    running--;
    if (seq > released) unreleased.add(seq);
  }

  /// A running group was dropped.
  public void dropped() {
    running--;
  }

  /// A complete group was dropped after all.
  public void dropped(long seq) {
    unreleased.remove(seq);
  }

  void trained(long seq, int version, WeightsId applied) {
    if (seq <= trained) return;
    trained = seq;
    trainedVersion = version;
    steps.add(new Step(seq, version));
    applied(applied, false);
  }

  /// New weights serve. A new lineage stands for every step that came before it.
  void applied(WeightsId weights, boolean newLineage) {
    while (!steps.isEmpty() && (newLineage || steps.getFirst().version() <= weights.version()))
      released = Math.max(released, steps.removeFirst().seq());
    unreleased.headSet(released, true).clear();
  }

  long trained() {
    return trained;
  }

  int trainedVersion() {
    return trainedVersion;
  }

  long released() {
    return released;
  }
}
