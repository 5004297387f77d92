package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;

/// DAPO: GRPO with the upper bound raised and the mean taken over all tokens of the step (arXiv
/// 2503.14476). Its dynamic sampling and its overlong penalty are settings of the run
/// (`zero_variance`, `overlong`).
@AutoService(Algorithm.class)
public final class Dapo implements Algorithm {
  @Override
  public String name() {
    return "dapo";
  }

  @Override
  public String summary() {
    return "GRPO, clip 0.2 / 0.28, mean over all tokens; arXiv 2503.14476";
  }

  @Override
  public Objective objective() {
    return Objective.of(GroupNormalised.GRPO, new ClippedSurrogate())
        .withClip(new PolicyLoss.Clip(0.2, 0.28))
        .withAggregation(Aggregation.TOKEN_MEAN);
  }
}
