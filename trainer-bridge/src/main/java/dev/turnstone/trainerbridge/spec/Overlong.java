package dev.turnstone.trainerbridge.spec;

import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Trajectory;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// DAPO's soft punishment of long rollouts (arXiv 2503.14476, equation 13), added to the reward: 0
/// up to `maxTokens - buffer` generated tokens, then falling to -1 at `maxTokens` and staying
/// there.
///
/// Tokens of tools do not count: the policy did not write them.
///
/// @param weight of the punishment
public record Overlong(int maxTokens, int buffer, double weight) {
  static final String PART = "overlong";

  public Overlong {
    if (buffer < 1 || maxTokens <= buffer)
      throw new IllegalArgumentException(
          "overlong is not 0 < buffer < max_tokens: buffer %d, max_tokens %d"
              .formatted(buffer, maxTokens));
    if (!(weight >= 0 && weight <= 1e6))
      throw new IllegalArgumentException("overlong.weight is not in [0, 1000000]: " + weight);
  }

  /// From 0 down to -1.
  public double punishment(int generated) {
    return Math.clamp((double) (maxTokens - buffer - generated) / buffer, -1, 0);
  }

  /// The trajectory with the punishment in its reward; one without a reward stays without.
  public Trajectory shape(Trajectory trajectory) {
    Optional<Reward> reward =
        trajectory
            .reward()
            .map(scored -> {
              double punishment = punishment(trajectory.stats().generatedTokens());
              Map<String, Double> parts = new LinkedHashMap<>(scored.parts());
              parts.put(PART, punishment);
              return new Reward(scored.value() + weight * punishment, parts, scored.turns());
            });
    return new Trajectory(
        trajectory.id(),
        trajectory.rows(),
        reward,
        trajectory.stop(),
        trajectory.detail(),
        trajectory.transcript(),
        trajectory.stats());
  }
}
