package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;
import java.util.List;

/// REINFORCE++: returns of token rewards, less a KL penalty, whitened over the whole batch (arXiv
/// 2501.03262). Without a reference policy there is no penalty.
@AutoService(Algorithm.class)
public final class ReinforcePlusPlus implements Algorithm {
  @Override
  public String name() {
    return "reinforce_plus_plus";
  }

  @Override
  public String summary() {
    return "A = whiten(sum of later rewards - 0.01 k1) over the batch; arXiv 2501.03262";
  }

  @Override
  public Objective objective() {
    return Objective.of(new WhitenedReturns(1, 0.01), new ClippedSurrogate());
  }

  /// Returns `G_t = ρ_t + γ G_(t+1)` over trained tokens with `ρ_t = reward_t − β (ℓ_old − ℓ_ref)`,
  /// whitened.
  record WhitenedReturns(double gamma, double beta) implements AdvantageEstimator {
    @Override
    public List<double[]> of(StepBatch batch) {
      List<TokenRow> scored =
          batch.rows().stream()
              .filter(row -> batch.rollouts().get(row.rollout()).reward().isPresent())
              .toList();
      List<double[]> whitened =
          Moments.whiten(scored.stream().map(row -> returns(row, batch)).toList());
      return batch.rows().stream()
          .map(row ->
              scored.contains(row) ? whitened.get(scored.indexOf(row)) : new double[row.size()])
          .toList();
    }

    private double[] returns(TokenRow row, StepBatch batch) {
      double[] returns = row.tokenRewards(batch.rollouts().get(row.rollout()));
      double later = 0;
      for (int t = row.size() - 1; t >= 0; t--) {
        double penalty =
            row.reference().isEmpty()
                ? 0
                : beta * (row.old().orElseThrow()[t] - row.reference().get()[t]);
        later = returns[t] - penalty + gamma * later;
        returns[t] = later;
      }
      return returns;
    }

    @Override
    public boolean readsLogprobs() {
      return true;
    }

    @Override
    public boolean readsReference() {
      return beta > 0;
    }
  }
}
