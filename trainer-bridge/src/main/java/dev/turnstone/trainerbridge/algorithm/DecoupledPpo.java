package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;

/// Decoupled PPO: the ratio is taken against a proximal policy, and the proximal policy is weighed
/// against the one that sampled (arXiv 2110.00641). The proximal log-probabilities are not
/// recomputed but interpolated by each token's version, as in AReaL (arXiv 2505.24298).
@AutoService(Algorithm.class)
public final class DecoupledPpo implements Algorithm {
  @Override
  public String name() {
    return "decoupled_ppo";
  }

  @Override
  public String summary() {
    return "GRPO around a policy between the sampling one and the present one, by versions; arXiv 2110.00641, 2505.24298";
  }

  @Override
  public Objective objective() {
    return Objective.of(GroupNormalised.GRPO, new ClippedSurrogate())
        .withProximal(Proximal.INTERPOLATED)
        .withCorrection(new Correction.Truncated(5));
  }
}
