package dev.turnstone.trainerbridge.trainer;

/// How far the trainer's log-probabilities lie from the rollout's, with r = `p_trainer / p_rollout`
/// per token: the estimates k1 = `mean(−log r)` and k3 = `mean(r − log r − 1)`
/// (joschu.net/blog/kl-approx.html), the mean absolute difference, and the effective sample size
/// `mean(r)² / mean(r²)`.
final class Mismatch {
  private double k1;
  private double k3;
  private double absolute;
  private double ratios;
  private double squares;
  private long tokens;

  void add(float[] trainer, float[] rollout) {
    for (int i = 0; i < trainer.length; i++) add(trainer[i], rollout[i]);
  }

  void add(float trainer, float rollout) {
    double difference = (double) trainer - rollout;
    double ratio = Math.exp(difference);
    k1 -= difference;
    k3 += ratio - difference - 1;
    absolute += Math.abs(difference);
    ratios += ratio;
    squares += ratio * ratio;
    tokens++;
  }

  double k1() {
    return mean(k1);
  }

  double k3() {
    return mean(k3);
  }

  double meanAbsolute() {
    return mean(absolute);
  }

  /// From 0 to 1: the share of tokens that would carry as much if all had one weight.
  double effectiveSampleSize() {
    return tokens == 0 ? 1 : mean(ratios) * mean(ratios) / mean(squares);
  }

  long tokens() {
    return tokens;
  }

  private double mean(double sum) {
    return tokens == 0 ? 0 : sum / tokens;
  }
}
