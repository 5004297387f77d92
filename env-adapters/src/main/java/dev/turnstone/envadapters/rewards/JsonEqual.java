package dev.turnstone.envadapters.rewards;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.peer.JsonText;
import java.util.Map;
import java.util.Optional;

/// 1 if the final answer, or its last fenced block, is JSON and equal to a field of the task's
/// data, else 0. Objects are compared without order, numbers by value.
record JsonEqual(RewardEntry.JsonEqual entry) implements Scorer {
  @Override
  public Optional<String> objection(JsonNode data) {
    return data.has(entry.field())
        ? Optional.empty()
        : Optional.of("data.%s must be JSON, was absent".formatted(entry.field()));
  }

  @Override
  public Score score(Episode episode) {
    return Score.of(
        FinalAnswer.of(episode.transcript())
            .flatMap(JsonEqual::json)
            .filter(answer -> equal(answer, episode.data().path(entry.field())))
            .isPresent());
  }

  private static Optional<JsonNode> json(String answer) {
    try {
      return Optional.of(JsonText.read(FinalAnswer.code(answer)));
    } catch (JsonText.Unreadable e) {
      return Optional.empty();
    }
  }

  private static boolean equal(JsonNode a, JsonNode b) {
    if (a.isNumber() && b.isNumber()) return a.decimalValue().compareTo(b.decimalValue()) == 0;
    if (a.isArray() && b.isArray()) {
      if (a.size() != b.size()) return false;
      for (int i = 0; i < a.size(); i++) if (!equal(a.get(i), b.get(i))) return false;
      return true;
    }
    if (a.isObject() && b.isObject()) {
      if (a.size() != b.size()) return false;
      for (Map.Entry<String, JsonNode> field : a.properties())
        if (!b.has(field.getKey()) || !equal(field.getValue(), b.get(field.getKey()))) return false;
      return true;
    }
    return a.equals(b);
  }
}
