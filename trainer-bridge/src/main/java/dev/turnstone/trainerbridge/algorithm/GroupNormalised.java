package dev.turnstone.trainerbridge.algorithm;

import java.util.Arrays;

/// Rewards less their group's mean, over the group's spread: `(r − mean) / (spread + ε)` (GRPO,
/// arXiv 2402.03300).
///
/// Trainers disagree about the spread, which scales the learning rate by up to 7 % in groups of
/// eight; so it has a name here.
public record GroupNormalised(Spread spread, double epsilon) implements GroupAdvantage {
  /// `torch.std` and 1e-6, as verl, slime and SkyRL have it.
  public static final GroupNormalised GRPO = new GroupNormalised(Spread.UNBIASED, 1e-6);

  /// Only the mean: Dr. GRPO (arXiv 2503.20783).
  public static final GroupNormalised CENTRED = new GroupNormalised(Spread.NONE, 0);

  /// What rewards are divided by.
  public enum Spread {
    UNBIASED,
    BIASED,
    NONE
  }

  @Override
  public double[] of(double[] rewards) {
    Moments moments = Moments.of(rewards);
    double divisor =
        switch (spread) {
          case UNBIASED -> moments.unbiased() + epsilon;
          case BIASED -> moments.biased() + epsilon;
          case NONE -> 1;
        };
    return Arrays.stream(rewards).map(r -> (r - moments.mean()) / divisor).toArray();
  }
}
