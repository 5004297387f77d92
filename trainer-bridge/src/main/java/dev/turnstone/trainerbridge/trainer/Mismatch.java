package dev.turnstone.trainerbridge.trainer;

/// How far the trainer's log-probabilities lie from the rollout's under the same weights: the k3
/// estimate `mean(r − log r − 1)` with `r = p_trainer / p_rollout`, and the mean absolute
/// difference.
public final class Mismatch {
  private double k3;
  private double absolute;
  private long tokens;

  void add(float[] trainer, float[] rollout) {
    for (int i = 0; i < trainer.length; i++) add(trainer[i], rollout[i]);
  }

  void add(float trainer, float rollout) {
    double difference = (double) trainer - rollout;
    k3 += Math.exp(difference) - difference - 1;
    absolute += Math.abs(difference);
    tokens++;
  }

  double k3() {
    return tokens == 0 ? 0 : k3 / tokens;
  }

  double meanAbsolute() {
    return tokens == 0 ? 0 : absolute / tokens;
  }

  long tokens() {
    return tokens;
  }
}
