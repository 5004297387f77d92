package dev.turnstone.trainerbridge.feed;

import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.log.GroupTable;
import dev.turnstone.trainerbridge.log.LogException;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.log.RolloutTable;
import dev.turnstone.trainerbridge.log.Settlement;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import dev.turnstone.trainerbridge.wire.GroupFrame.Failed;
import dev.turnstone.trainerbridge.wire.GroupFrame.GroupRow;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/// A run's groups that have their seq, as the log holds them: nothing waits for a trainer in
/// memory.
public final class SettledGroups {
  private final RunSpec spec;
  private final GroupTable groups;
  private final RolloutTable rollouts;

  SettledGroups(RunSpec spec, TrajectoryLog log) {
    this.spec = spec;
    groups = log.groups();
    rollouts = log.rollouts();
  }

  GroupTable.Stored group(long seq) {
    return groups
        .bySeq(spec.run(), seq)
        .orElseThrow(
            () -> new LogException("the log has no seq %d of %s".formatted(seq, spec.run())));
  }

  GroupFrame frame(GroupTable.Stored group, long seq, long sentIn) {
    List<Failed> failed = new ArrayList<>();
    List<GroupRow> rows = new ArrayList<>();
    List<RolloutSummary> delivered = new ArrayList<>();
    for (RolloutTable.Settled rollout : rollouts.settled(spec.run(), group.name())) {
      Settlement.Outcome outcome = rollout.outcome();
      if (outcome.delivered()) {
        delivered.add(rollout.summary().orElseThrow());
        addRows(rows, trajectory(group, outcome), outcome);
      } else
        failed.add(
            new Failed(outcome.index(), outcome.attempt(), outcome.failure(), outcome.detail()));
    }
    return new GroupFrame(
        seq,
        sentIn,
        group.name(),
        0,
        GroupTable.task(group, spec.environment()),
        spec.groupSize(),
        delivered.size(),
        failed,
        group.versionMin(),
        group.versionMax(),
        rows,
        stats(delivered));
  }

  private static void addRows(
      List<GroupRow> rows, Trajectory trajectory, Settlement.Outcome outcome) {
    boolean masked = outcome.kind().equals(Settlement.MASK);
    for (Row row : trajectory.rows())
      rows.add(
          new GroupRow(
              rows.size(),
              outcome.index(),
              outcome.attempt(),
              trajectory.stop(),
              trajectory.reward(),
              masked ? row.masked() : row));
  }

  private Trajectory trajectory(GroupTable.Stored group, Settlement.Outcome outcome) {
    return rollouts
        .trajectory(spec.run(), group.name(), outcome.index(), outcome.attempt())
        .orElseThrow(() ->
            new LogException(
                "the log has no rows of %s/%s/%d"
                    .formatted(spec.run(), group.name(), outcome.index())));
  }

  private static GroupFrame.Stats stats(List<RolloutSummary> rollouts) {
    return new GroupFrame.Stats(
        rollouts.stream().mapToInt(RolloutSummary::turns).sum(),
        rollouts.stream().mapToLong(RolloutSummary::generatedTokens).sum(),
        rollouts.stream().mapToLong(RolloutSummary::cachedTokens).sum(),
        rollouts.stream().mapToInt(RolloutSummary::toolCalls).sum(),
        rollouts.stream().mapToLong(RolloutSummary::wallMillis).sum());
  }

  /// The group's shape without its tokens.
  Dropped dropped(long seq) {
    GroupTable.Stored group = group(seq);
    List<RolloutSummary> finished =
        rollouts.settled(spec.run(), group.name()).stream()
            .flatMap(rollout -> rollout.summary().stream())
            .toList();
    List<OptionalDouble> rewards = finished.stream().map(RolloutSummary::reward).toList();
    List<Integer> lengths = finished.stream().map(RolloutSummary::length).toList();
    return new Dropped(seq, group.name(), group.reason(), lengths, rewards);
  }
}
