package dev.turnstone.rollout;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// The score of one rollout.
///
/// @param value what advantages are computed from
/// @param parts named components, before weighting
/// @param turns what the environment gave for single turns, by the turn's number; a turn without
///   one is absent, which is not 0
public record Reward(double value, Map<String, Double> parts, SortedMap<Integer, Double> turns) {
  public Reward {
    if (!Double.isFinite(value))
      throw new IllegalArgumentException("reward is not finite: " + value);
    parts = Collections.unmodifiableMap(new LinkedHashMap<>(parts));
    turns = Collections.unmodifiableSortedMap(new TreeMap<>(turns));
  }

  /// A reward without rewards of single turns.
  public Reward(double value, Map<String, Double> parts) {
    this(value, parts, Collections.emptySortedMap());
  }

  public static Reward of(double value) {
    return new Reward(value, Map.of());
  }

  /// The same score with what single turns were given.
  Reward withTurns(SortedMap<Integer, Double> given) {
    return new Reward(value, parts, given);
  }
}
