package dev.turnstone.envadapters.rewards;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.peer.Peers;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Reward;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The reward of an environment: the weighted sum of its parts.
public final class Scoring {
  private final List<Part> parts;

  public Scoring(List<RewardEntry> entries, Peers peers) {
    this.parts =
        entries.stream()
            .map(entry -> new Part(entry.name(), entry.weight(), scorer(entry, peers)))
            .toList();
  }

  /// Why a task with such data could never be scored, as the end of a sentence.
  public Optional<String> objection(JsonNode data) {
    return parts.stream().flatMap(part -> part.scorer().objection(data).stream()).findFirst();
  }

  /// Why the reward cannot be computed again once its rollout has ended, as the end of a sentence.
  public Optional<String> onlyLive() {
    return parts.stream()
        .filter(part -> part.scorer() instanceof OwnScore)
        .findFirst()
        .map(part ->
            "its part %s is the environment's own and needs its session".formatted(part.name()));
  }

  /// The reward; empty if the environment has none. All parts or none: a part that cannot be scored
  /// loses the environment.
  public Optional<Reward> score(Episode episode) throws EnvironmentLost, InterruptedException {
    if (parts.isEmpty()) return Optional.empty();
    double sum = 0;
    Map<String, Double> values = new LinkedHashMap<>();
    for (Part part : parts) {
      Scorer.Score score = part.scorer().score(episode);
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
      case RewardEntry.Regex part -> new RegexMatch(part);
      case RewardEntry.JsonEqual part -> new JsonEqual(part);
      case RewardEntry.CodeTests part -> new CodeTests(part, peers);
      case RewardEntry.Http part -> new Verifier(part, peers);
      case RewardEntry.Judge part -> new Judge(part, peers);
      case RewardEntry.Steps _ -> new StepSum();
      case RewardEntry.Own _ -> new OwnScore();
    };
  }

  private record Part(String name, double weight, Scorer scorer) {}
}
