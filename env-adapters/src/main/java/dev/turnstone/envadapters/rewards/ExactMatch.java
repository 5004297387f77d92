package dev.turnstone.envadapters.rewards;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Locale;
import java.util.Optional;

/// 1 if the final answer is the expected text, else 0, also when there is no answer.
record ExactMatch(RewardEntry.ExactMatch entry) implements Scorer {
  @Override
  public Optional<String> objection(JsonNode data) {
    JsonNode expected = data.path(entry.field());
    return expected.isValueNode() && !expected.isNull()
        ? Optional.empty()
        : Optional.of(
            "data.%s must be a string, number or boolean, was %s"
                .formatted(entry.field(), expected.isMissingNode() ? "absent" : expected));
  }

  @Override
  public Score score(Episode episode) {
    String expected = normal(episode.data().path(entry.field()).asText());
    return Score.of(
        FinalAnswer.of(episode.transcript())
            .map(this::normal)
            .filter(expected::equals)
            .isPresent());
  }

  private String normal(String text) {
    return switch (entry.normalize()) {
      case NONE -> text;
      case STRIP -> text.strip();
      case LOWER -> text.strip().toLowerCase(Locale.ROOT);
    };
  }
}
