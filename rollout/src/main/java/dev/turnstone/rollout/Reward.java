package dev.turnstone.rollout;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/// The score of one rollout.
///
/// @param value what advantages are computed from
/// @param parts named components, before weighting
public record Reward(double value, Map<String, Double> parts) {
  public Reward {
    if (!Double.isFinite(value))
      throw new IllegalArgumentException("reward is not finite: " + value);
    parts = Collections.unmodifiableMap(new LinkedHashMap<>(parts));
  }

  public static Reward of(double value) {
    return new Reward(value, Map.of());
  }
}
