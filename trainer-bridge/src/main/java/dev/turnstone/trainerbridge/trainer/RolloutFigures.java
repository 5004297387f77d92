package dev.turnstone.trainerbridge.trainer;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Row;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import dev.turnstone.trainerbridge.wire.GroupFrame.GroupRow;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.List;

/// What the rollouts of some groups came to: rewards, lengths, staleness, tools and stops.
final class RolloutFigures {
  private final List<GroupFrame> groups;
  private final int version;

  /// @param version that the trainer holds
  RolloutFigures(List<GroupFrame> groups, int version) {
    this.groups = List.copyOf(groups);
    this.version = version;
  }

  private List<GroupRow> rollouts() {
    return groups.stream()
        .flatMap(group -> group.rows().stream())
        .filter(row -> row.data().branch() == 0)
        .toList();
  }

  /// Versions between the oldest trained token and the trainer's.
  int stalenessMax() {
    return groups.stream()
        .flatMap(group -> group.rows().stream())
        .map(GroupRow::data)
        .filter(row -> row.trainable() > 0 && !row.flags().contains(Row.GREEDY))
        .flatMap(row -> row.oldestVersion().stream())
        .filter(oldest -> oldest != Row.NOT_SAMPLED)
        .mapToInt(oldest -> version - oldest)
        .max()
        .orElse(0);
  }

  /// Groups whose scored rollouts all have one reward, or that have less than two.
  long zeroVariance() {
    return TrainingRow.groups(groups).groupsOfOneReward();
  }

  void write(ObjectNode node) {
    List<GroupRow> rollouts = rollouts();
    DoubleSummaryStatistics rewards =
        rollouts.stream()
            .flatMap(row -> row.reward().stream())
            .mapToDouble(reward -> reward.value())
            .summaryStatistics();
    int[] lengths = rollouts.stream().mapToInt(row -> row.data().length()).sorted().toArray();
    node.put("reward_mean", rewards.getCount() == 0 ? 0 : rewards.getAverage());
    node.put("rollouts_scored", rewards.getCount());
    node.put("groups", groups.size()).put("groups_zero_variance", zeroVariance());
    node.put("length_mean", Arrays.stream(lengths).average().orElse(0));
    node.put("length_p50", quantile(lengths, 0.5)).put("length_p95", quantile(lengths, 0.95));
    node.put("length_max", quantile(lengths, 1)).put("staleness_max", stalenessMax());
    node.put("tool_calls", groups.stream().mapToLong(group -> group.stats().toolCalls()).sum());
    ObjectNode stops = node.putObject("stops");
    for (GroupRow row : rollouts)
      stops.put(row.stop().wire(), stops.path(row.stop().wire()).asInt() + 1);
  }

  private static int quantile(int[] sorted, double share) {
    return sorted.length == 0 ? 0 : sorted[(int) Math.ceil(share * sorted.length) - 1];
  }
}
