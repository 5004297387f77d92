package dev.turnstone.trainerbridge.runs;

import dev.turnstone.rollout.Task;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.log.RolloutTable.Latest;
import dev.turnstone.trainerbridge.log.Settlement;
import dev.turnstone.trainerbridge.spec.Incomplete;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// An admitted group until it is settled: the newest attempt at each of its rollouts.
///
/// Confined to its run's lock.
public final class OpenGroup {
  private final Task task;
  private final long deadline;
  private final List<Latest> rollouts;
  private int refills;

  /// @param deadline on the run's clock, in nanoseconds
  /// @param rollouts one per index, in order
  /// @param refills rollouts that may still be started again because they failed
  OpenGroup(Task task, long deadline, List<Latest> rollouts, int refills) {
    this.task = task;
    this.deadline = deadline;
    this.rollouts = new ArrayList<>(rollouts);
    this.refills = refills;
  }

  /// A group none of whose rollouts has finished.
  static List<Latest> fresh(int size) {
    List<Latest> rollouts = new ArrayList<>();
    for (int index = 0; index < size; index++) rollouts.add(new Latest(index, 0, Optional.empty()));
    return rollouts;
  }

  Task task() {
    return task;
  }

  String name() {
    return task.id();
  }

  List<Latest> rollouts() {
    return List.copyOf(rollouts);
  }

  boolean late(long now) {
    return now - deadline >= 0;
  }

  /// Whether this attempt is the one that the group waits for.
  boolean awaits(int index, int attempt) {
    Latest latest = rollouts.get(index);
    return latest.attempt() == attempt && latest.summary().isEmpty();
  }

  void finished(RolloutSummary summary) {
    rollouts.set(
        summary.index(), new Latest(summary.index(), summary.attempt(), Optional.of(summary)));
  }

  void startedAgain(int index, int attempt) {
    rollouts.set(index, new Latest(index, attempt, Optional.empty()));
  }

  /// Rollouts that run or must be started.
  List<Latest> unfinished() {
    return rollouts.stream().filter(rollout -> rollout.summary().isEmpty()).toList();
  }

  /// Failed rollouts that are to be started again, as far as refills are left.
  List<Latest> refillable(RunSpec spec) {
    if (spec.incomplete().policy() != Incomplete.Policy.REFILL) return List.of();
    return rollouts.stream()
        .filter(rollout -> rollout.summary().filter(s -> Settlement.hasFailed(spec, s)).isPresent())
        .limit(refills)
        .toList();
  }

  /// One refill is spent.
  void refilled() {
    refills--;
  }
}
