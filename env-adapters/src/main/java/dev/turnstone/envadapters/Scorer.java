package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Task;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Computes one part of a reward.
sealed interface Scorer permits ExactMatch, Numeric, Verifier {
  /// Why this part could never score a task with such data, as the end of a sentence.
  Optional<String> objection(JsonNode data);

  Score score(Task task, JsonNode data, List<Message> transcript, String session)
      throws EnvironmentLost, InterruptedException;

  /// Before weighting.
  ///
  /// @param parts what the value was made of, if the scorer says so
  record Score(double value, Map<String, Double> parts) {
    public Score {
      parts = Collections.unmodifiableMap(new LinkedHashMap<>(parts));
    }

    static Score of(boolean right) {
      return new Score(right ? 1 : 0, Map.of());
    }
  }
}
