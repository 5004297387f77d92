package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;

/// Dr. GRPO: no division by the spread, and none by lengths (arXiv 2503.20783).
@AutoService(Algorithm.class)
public final class DrGrpo implements Algorithm {
  @Override
  public String name() {
    return "dr_grpo";
  }

  @Override
  public String summary() {
    return "A = r - mean of the group, summed over tokens and divided by a constant length; arXiv 2503.20783";
  }

  @Override
  public Objective objective() {
    return Objective.of(GroupNormalised.CENTRED, new ClippedSurrogate())
        .withAggregation(Aggregation.CONSTANT);
  }
}
