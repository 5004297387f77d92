package dev.turnstone.trainerbridge.algorithm;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// What one training step is made of: rollouts with their outcomes, and the rows to train.
///
/// Only trained tokens are here, so prompts and tool results cannot enter a sum by mistake.
///
/// @param rollouts in any order; a row names its rollout by index into this list
public record StepBatch(List<Scored> rollouts, List<TokenRow> rows) {
  public StepBatch {
    rollouts = List.copyOf(rollouts);
    rows = List.copyOf(rows);
    for (TokenRow row : rows)
      if (row.rollout() < 0 || row.rollout() >= rollouts.size())
        throw new IllegalArgumentException(
            "row of rollout %d, but there are %d".formatted(row.rollout(), rollouts.size()));
  }

  /// The outcome of one rollout.
  ///
  /// @param group number of the group it belongs to
  /// @param reward empty if it could not be scored
  /// @param turnRewards one per turn in order; empty if the environment gives none
  /// @param baseline sampled greedily to be compared with, never trained
  public record Scored(
      int group, Optional<Double> reward, List<Double> turnRewards, boolean baseline) {
    public Scored {
      turnRewards = List.copyOf(turnRewards);
    }

    /// A rollout that has but a reward.
    public static Scored of(int group, double reward) {
      return new Scored(group, Optional.of(reward), List.of(), false);
    }
  }

  /// Groups in ascending order, each as the indices of its rollouts.
  public List<int[]> groups() {
    return rollouts.stream()
        .mapToInt(Scored::group)
        .distinct()
        .sorted()
        .mapToObj(group ->
            IntStream.range(0, rollouts.size())
                .filter(i -> rollouts.get(i).group() == group)
                .toArray())
        .toList();
  }

  /// One value per trained token of every row: that of the row's rollout.
  List<double[]> broadcast(double[] perRollout) {
    return rows.stream()
        .map(row -> {
          double[] values = new double[row.size()];
          Arrays.fill(values, perRollout[row.rollout()]);
          return values;
        })
        .toList();
  }
}
