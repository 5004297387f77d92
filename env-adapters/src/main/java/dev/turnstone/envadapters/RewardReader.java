package dev.turnstone.envadapters;

import dev.turnstone.envadapters.peer.Endpoint;
import dev.turnstone.envadapters.peer.EndpointReader;
import dev.turnstone.envadapters.peer.Fields;
import dev.turnstone.envadapters.peer.Origin;
import dev.turnstone.envadapters.rewards.RewardEntry;
import dev.turnstone.envadapters.rewards.RewardEntry.Normalize;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// Reads an entry of `rewards`. Bounds and defaults of its fields are here and nowhere else.
final class RewardReader {
  private RewardReader() {}

  static RewardEntry read(Fields fields, Origin origin) {
    String kind = fields.text("kind");
    String name = fields.node("name").isPresent() ? fields.text("name", SpecReader.NAME) : kind;
    double weight = fields.number("weight", 1, -1e6, 1e6);
    return switch (kind) {
      case "exact_match" ->
          new RewardEntry.ExactMatch(
              name,
              weight,
              answer(fields),
              fields.word("normalize", Normalize.STRIP, Normalize::wire));
      case "numeric" ->
          new RewardEntry.Numeric(
              name,
              weight,
              answer(fields),
              fields.number("abs_tolerance", 1e-6, 0, 1e300),
              fields.number("rel_tolerance", 0, 0, 1));
      case "regex" ->
          new RewardEntry.Regex(name, weight, pattern(fields), optional(fields, "field"));
      case "json_equal" -> new RewardEntry.JsonEqual(name, weight, answer(fields));
      case "code_tests" -> codeTests(fields, name, weight, origin);
      case "http" ->
          new RewardEntry.Http(
              name, weight, endpoint(fields, origin, 30), fields.flag("idempotent", true));
      case "judge" -> judge(fields, name, weight, origin);
      case "steps" -> new RewardEntry.Steps(name, weight);
      case "environment" -> new RewardEntry.Own(name, weight);
      default ->
          throw fields.bad(
              "kind",
              "must be exact_match, numeric, regex, json_equal, code_tests, http, judge, steps or"
                  + " environment");
    };
  }

  private static RewardEntry codeTests(Fields fields, String name, double weight, Origin origin) {
    return new RewardEntry.CodeTests(
        name,
        weight,
        endpoint(fields, origin, 10),
        fields.text("language", "python"),
        fields.text("field", "tests"),
        fields.integer("memory_limit_mb", 512, 1, 65_536),
        fields.flag("partial", false));
  }

  private static RewardEntry judge(Fields fields, String name, double weight, Origin origin) {
    return new RewardEntry.Judge(
        name,
        weight,
        endpoint(fields, origin, 60),
        fields.text("model"),
        fields.text("rubric"),
        optional(fields, "field"),
        fields.integer("max_score", 10, 1, 1_000_000),
        fields.integer("max_tokens", 1024, 1, 1_000_000));
  }

  private static Endpoint endpoint(Fields fields, Origin origin, int seconds) {
    return EndpointReader.read(fields, origin, Duration.ofSeconds(seconds));
  }

  private static String answer(Fields fields) {
    return fields.text("field", "answer");
  }

  private static Optional<String> optional(Fields fields, String field) {
    return fields.node(field).isPresent() ? Optional.of(fields.text(field)) : Optional.empty();
  }

  private static String pattern(Fields fields) {
    String pattern = fields.text("pattern");
    try {
      Pattern.compile(pattern);
      return pattern;
    } catch (PatternSyntaxException e) {
      throw fields.bad(
          "pattern", "must be a regular expression (%s)".formatted(e.getDescription()));
    }
  }
}
