package dev.turnstone.trainerbridge.algorithm;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// An estimator that needs the rewards of one group and nothing else, so the server can apply it
/// before it sends the group.
public interface GroupAdvantage extends AdvantageEstimator {
  /// One advantage per scored rollout of a group, in order; only called with two rewards or more
  /// that are not all equal.
  double[] of(double[] rewards);

  /// One advantage per rollout of a group, in order: 0 where there is no reward, and for all if
  /// fewer than two were scored or all scored the same.
  ///
  /// The baseline is over rollouts, never over rows: a rollout of three rows counts once.
  default double[] ofGroup(List<Optional<Double>> rewards) {
    double[] advantages = new double[rewards.size()];
    double[] scored = rewards.stream().flatMap(Optional::stream).mapToDouble(r -> r).toArray();
    if (scored.length < 2 || Arrays.stream(scored).allMatch(r -> r == scored[0])) return advantages;
    double[] values = of(scored);
    for (int i = 0, at = 0; i < advantages.length; i++)
      if (rewards.get(i).isPresent()) advantages[i] = values[at++];
    return advantages;
  }

  @Override
  default Scope scope() {
    return Scope.GROUP;
  }

  @Override
  default boolean perRollout() {
    return true;
  }

  @Override
  default List<double[]> of(StepBatch batch) {
    double[] perRollout = new double[batch.rollouts().size()];
    for (int[] group : batch.groups()) {
      int[] trained =
          Arrays.stream(group).filter(i -> !batch.rollouts().get(i).baseline()).toArray();
      double[] values =
          ofGroup(Arrays.stream(trained).mapToObj(i -> batch.rollouts().get(i).reward()).toList());
      for (int i = 0; i < trained.length; i++) perRollout[trained[i]] = values[i];
    }
    return batch.broadcast(perRollout);
  }
}
