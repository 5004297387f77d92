package dev.turnstone.envadapters.rewards;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// Computes one part of a reward.
public interface Scorer {
  /// Why this part could never score a task with such data, as the end of a sentence.
  default Optional<String> objection(JsonNode data) {
    return Optional.empty();
  }

  Score score(Episode episode) throws EnvironmentLost, InterruptedException;

  /// Before weighting.
  ///
  /// @param parts what the value was made of, if the scorer says so
  record Score(double value, Map<String, Double> parts) {
    public Score {
      parts = Collections.unmodifiableMap(new LinkedHashMap<>(parts));
    }

    public static Score of(double value) {
      return new Score(value, Map.of());
    }

    public static Score of(boolean right) {
      return of(right ? 1 : 0);
    }
  }
}
