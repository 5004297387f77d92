package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;

/// PPO with a critic: generalised advantage estimates over trained tokens (arXiv 1506.02438) under
/// the clipped surrogate (arXiv 1707.06347).
@AutoService(Algorithm.class)
public final class Ppo implements Algorithm {
  @Override
  public String name() {
    return "ppo";
  }

  @Override
  public String summary() {
    return "GAE over trained tokens with a value head, whitened; arXiv 1707.06347, 1506.02438";
  }

  @Override
  public Objective objective() {
    return Objective.of(new GeneralisedAdvantage(Critic.DEFAULT), new ClippedSurrogate())
        .withClip(new PolicyLoss.Clip(0.2, 0.2));
  }
}
