package dev.turnstone.trainerbridge.feed;

import dev.turnstone.rollout.RolloutId;
import dev.turnstone.trainerbridge.log.GroupTable;
import dev.turnstone.trainerbridge.log.LogException;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.log.RolloutTable;
import dev.turnstone.trainerbridge.log.Settlement;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.wire.Compression;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import dev.turnstone.trainerbridge.wire.GroupCodec;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import dev.turnstone.trainerbridge.wire.GroupFrame.Failed;
import dev.turnstone.trainerbridge.wire.GroupHeader;
import dev.turnstone.trainerbridge.wire.OutgoingRow;
import dev.turnstone.trainerbridge.wire.TokenAdvantages;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/// A run's groups that have their seq, as the log holds them: nothing waits for a trainer in
/// memory.
public final class SettledGroups {
  private final RunSpec spec;
  private final GroupTable groups;
  private final RolloutTable rollouts;
  private final RunAdvantages advantages;

  SettledGroups(RunSpec spec, TrajectoryLog log) {
    this.spec = spec;
    groups = log.groups();
    rollouts = log.rollouts();
    advantages = new RunAdvantages(spec, log);
  }

  GroupTable.Stored group(long seq) {
    return groups
        .bySeq(spec.run(), seq)
        .orElseThrow(
            () -> new LogException("the log has no seq %d of %s".formatted(seq, spec.run())));
  }

  /// The group's messages.
  List<byte[]> frames(GroupTable.Stored group, long seq, long sentIn, Compression compression) {
    List<Failed> failed = new ArrayList<>();
    List<OutgoingRow> rows = new ArrayList<>();
    List<RolloutSummary> delivered = new ArrayList<>();
    List<RolloutTable.Settled> members = rollouts.settled(spec.run(), group.name());
    GroupAdvantages given = advantages.of(group, members);
    for (RolloutTable.Settled rollout : members) {
      Settlement.Outcome outcome = rollout.outcome();
      if (outcome.delivered()) {
        delivered.add(rollout.summary().orElseThrow());
        rows.addAll(rows(group, outcome, given));
      } else
        failed.add(
            new Failed(outcome.index(), outcome.attempt(), outcome.failure(), outcome.detail()));
    }
    GroupHeader header =
        new GroupHeader(
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
            given.rollouts(),
            stats(delivered));
    return GroupCodec.frames(header, rows, compression);
  }

  private List<OutgoingRow> rows(
      GroupTable.Stored group, Settlement.Outcome outcome, GroupAdvantages given) {
    RolloutId id = new RolloutId(spec.run(), group.name(), outcome.index(), outcome.attempt());
    byte[] record =
        rollouts.record(id).orElseThrow(() -> new LogException("the log has no rows of " + id));
    List<OutgoingRow> plain =
        OutgoingRow.of(
            record, outcome.index(), outcome.attempt(), outcome.kind().equals(Settlement.MASK));
    List<TokenAdvantages> values = given.rows().getOrDefault(outcome.index(), List.of());
    return IntStream.range(0, plain.size())
        .mapToObj(i -> i < values.size() ? plain.get(i).with(values.get(i)) : plain.get(i))
        .toList();
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
