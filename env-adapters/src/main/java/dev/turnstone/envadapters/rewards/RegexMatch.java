package dev.turnstone.envadapters.rewards;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.peer.CountedText;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// 1 if a pattern is found in the final answer (and, with a field, if what it found is expected),
/// else 0; also 0 for an answer that the pattern would take too long on.
final class RegexMatch implements Scorer {
  private final Pattern pattern;
  private final Optional<String> field;

  RegexMatch(RewardEntry.Regex entry) {
    this.pattern = Pattern.compile(entry.pattern());
    this.field = entry.field();
  }

  @Override
  public Optional<String> objection(JsonNode data) {
    return field
        .filter(name -> !data.path(name).isValueNode() || data.path(name).isNull())
        .map(name ->
            "data.%s must be a string, number or boolean, was %s"
                .formatted(name, data.has(name) ? data.get(name) : "absent"));
  }

  @Override
  public Score score(Episode episode) {
    Optional<String> answer = FinalAnswer.of(episode.transcript());
    try {
      return Score.of(answer.isPresent() && right(answer.get(), episode.data()));
    } catch (CountedText.TooCostly e) {
      return Score.of(false);
    }
  }

  private boolean right(String answer, JsonNode data) {
    Matcher matcher = pattern.matcher(CountedText.of(answer));
    if (field.isEmpty()) return matcher.find();
    String expected = data.path(field.get()).asText().strip();
    Optional<String> last = Optional.empty();
    while (matcher.find())
      last = Optional.ofNullable(matcher.groupCount() == 0 ? matcher.group() : matcher.group(1));
    return last.map(String::strip).filter(expected::equals).isPresent();
  }
}
