package dev.turnstone.trainerbridge.trainer;

import dev.turnstone.rollout.Row;
import dev.turnstone.trainerbridge.algorithm.StepBatch;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import dev.turnstone.trainerbridge.wire.GroupFrame.GroupRow;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// A row to train.
///
/// @param rollout index of its rollout among those of the step
record TrainingRow(Row row, int rollout) {
  /// The rollouts of a step and their rows to train.
  record Of(List<StepBatch.Scored> rollouts, List<TrainingRow> rows) {
    /// Groups whose scored rollouts all have the same reward, or that have less than two.
    long groupsOfOneReward() {
      return rollouts.stream()
          .collect(Collectors.groupingBy(StepBatch.Scored::group))
          .values()
          .stream()
          .filter(group ->
              group.stream()
                      .filter(rollout -> !rollout.baseline())
                      .flatMap(rollout -> rollout.reward().stream())
                      .distinct()
                      .count()
                  < 2)
          .count();
    }
  }

  /// Numbers the rollouts of all groups; a greedy one is a baseline and has no row to train.
  static Of groups(List<GroupFrame> groups) {
    var rollouts = new ArrayList<StepBatch.Scored>();
    var rows = new ArrayList<TrainingRow>();
    for (int number = 0; number < groups.size(); number++) {
      var indices = new LinkedHashMap<Integer, Integer>();
      for (GroupRow row : groups.get(number).rows()) {
        boolean greedy = row.data().flags().contains(Row.GREEDY);
        if (indices.putIfAbsent(row.rollout(), rollouts.size()) == null)
          rollouts.add(scored(number, row, greedy));
        if (row.data().trainable() > 0 && !greedy)
          rows.add(new TrainingRow(row.data(), Objects.requireNonNull(indices.get(row.rollout()))));
      }
    }
    return new Of(List.copyOf(rollouts), List.copyOf(rows));
  }

  private static StepBatch.Scored scored(int group, GroupRow row, boolean greedy) {
    return new StepBatch.Scored(
        group, row.reward().map(reward -> reward.value()), turnRewards(row), greedy);
  }

  private static List<Double> turnRewards(GroupRow row) {
    SortedMap<Integer, Double> turns =
        row.reward().map(reward -> reward.turns()).orElse(Collections.emptySortedMap());
    if (turns.isEmpty()) return List.of();
    return IntStream.rangeClosed(0, turns.lastKey())
        .mapToObj(turn -> turns.getOrDefault(turn, 0.0))
        .toList();
  }
}
