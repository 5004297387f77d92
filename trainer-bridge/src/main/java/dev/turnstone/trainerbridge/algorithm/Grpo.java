package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;

/// GRPO: group-normalised advantages under the clipped surrogate (arXiv 2402.03300).
@AutoService(Algorithm.class)
public final class Grpo implements Algorithm {
  @Override
  public String name() {
    return "grpo";
  }

  @Override
  public String summary() {
    return "A = (r - mean) / (std + 1e-6) of the group; arXiv 2402.03300";
  }

  @Override
  public Objective objective() {
    return Objective.of(GroupNormalised.GRPO, new ClippedSurrogate());
  }
}
