package dev.turnstone.trainerbridge.algorithm;

import java.util.List;
import java.util.Optional;

/// Generalised advantage estimates of a critic, whitened over the batch (arXiv 1506.02438): `δ_t =
/// r_t + γ V_(t+1) − V_t`, `Â_t = δ_t + γ λ Â_(t+1)`.
///
/// The token after the last one of a turn is the first one of the next: what a tool said lies
/// between them and has no value of its own.
public record GeneralisedAdvantage(Critic settings) implements AdvantageEstimator {
  @Override
  public List<double[]> of(StepBatch batch) {
    return Moments.whiten(batch.rows().stream().map(row -> raw(row, batch)).toList());
  }

  /// What the critic should have said of each token: its advantage before whitening and its value.
  public List<double[]> returns(StepBatch batch) {
    return batch.rows().stream()
        .map(row -> {
          double[] returns = raw(row, batch);
          double[] values = row.values().orElseThrow();
          for (int t = 0; t < returns.length; t++) returns[t] += values[t];
          return returns;
        })
        .toList();
  }

  double[] raw(TokenRow row, StepBatch batch) {
    double[] values = row.values().orElseThrow();
    double[] advantages = row.tokenRewards(batch.rollouts().get(row.rollout()));
    double later = 0;
    double next = 0;
    for (int t = row.size() - 1; t >= 0; t--) {
      double surprise = advantages[t] + settings.gamma() * next - values[t];
      later = surprise + settings.gamma() * settings.lambda() * later;
      advantages[t] = later;
      next = values[t];
    }
    return advantages;
  }

  @Override
  public Optional<Critic> critic() {
    return Optional.of(settings);
  }
}
