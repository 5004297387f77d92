package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Task;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The reward of an environment: the weighted sum of its parts.
final class Scoring {
  private final List<Part> parts;

  Scoring(List<RewardEntry> entries, Peers peers) {
    this.parts =
        entries.stream()
            .map(entry -> new Part(entry.name(), entry.weight(), scorer(entry, peers)))
            .toList();
  }

  /// Why a task with such data could never be scored, as the end of a sentence.
  Optional<String> objection(JsonNode data) {
    return parts.stream().flatMap(part -> part.scorer().objection(data).stream()).findFirst();
  }

  /// The reward; empty if the environment has none. All parts or none: a part that cannot be scored
  /// loses the environment.
  Optional<Reward> score(Task task, JsonNode data, List<Message> transcript, String session)
      throws EnvironmentLost, InterruptedException {
    if (parts.isEmpty()) return Optional.empty();
    double sum = 0;
    Map<String, Double> values = new LinkedHashMap<>();
    for (Part part : parts) {
      Scorer.Score score = part.scorer().score(task, data, transcript, session);
      sum += part.weight() * score.value();
      values.put(part.name(), score.value());
      score.parts().forEach((name, value) -> values.put(part.name() + "." + name, value));
    }
    if (!Double.isFinite(sum))
      throw new EnvironmentLost("the weighted sum of the reward's parts is not finite");
    return Optional.of(new Reward(sum, values));
  }

  private static Scorer scorer(RewardEntry entry, Peers peers) {
    return switch (entry) {
      case RewardEntry.ExactMatch part -> new ExactMatch(part);
      case RewardEntry.Numeric part -> new Numeric(part);
      case RewardEntry.Http part -> new Verifier(part, peers);
    };
  }

  private record Part(String name, double weight, Scorer scorer) {}
}
