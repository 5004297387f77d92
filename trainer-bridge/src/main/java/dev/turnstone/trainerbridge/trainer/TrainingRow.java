package dev.turnstone.trainerbridge.trainer;

import dev.turnstone.rollout.Row;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import dev.turnstone.trainerbridge.wire.GroupFrame.GroupRow;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;

/// A row with the advantage of its rollout.
public record TrainingRow(Row row, double advantage) {
  /// The rows of one group. The baseline is over rollouts, never over rows: a rollout of several
  /// branches counts once.
  static List<TrainingRow> of(GroupFrame group) {
    var rewards = new LinkedHashMap<Integer, Optional<Double>>();
    for (GroupRow row : group.rows())
      rewards.putIfAbsent(row.rollout(), row.reward().map(reward -> reward.value()));
    double[] advantages = Advantages.grpo(List.copyOf(rewards.values()));
    var rollouts = List.copyOf(rewards.keySet());
    var rows = new ArrayList<TrainingRow>();
    for (GroupRow row : group.rows())
      if (row.data().trainable() > 0)
        rows.add(new TrainingRow(row.data(), advantages[rollouts.indexOf(row.rollout())]));
    return rows;
  }
}
