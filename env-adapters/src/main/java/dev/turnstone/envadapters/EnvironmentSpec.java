package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/// An environment as it is registered: the body of `POST /v1/environments`. Two bodies that mean
/// the same are equal, whatever they left to defaults.
///
/// ```
/// {"environment": "python",
///  "tools": [
///   {"kind": "sandbox", "name", "description", "url", "headers"?: {name: "text" | {"env", "prefix"?}},
///    "timeout_s"? = 10, "max_output_chars"? = 4000, "language"? = "python", "argument"? = "code",
///    "memory_limit_mb"? = 512},
///   {"kind": "http", "name", "description", "url", "headers"?, "timeout_s"? = 10,
///    "max_output_chars"? = 4000, "method"? = "POST", "parameters"?: JSON Schema of an object,
///    "idempotent"? = false, "on_timeout"? = "environment_lost" | "tool_error"}],
///  "rewards": [
///   {"kind": "exact_match", "name"? = kind, "weight"? = 1, "field"? = "answer",
///    "normalize"? = "none" | "strip" (default) | "lower"},
///   {"kind": "numeric", "name"?, "weight"?, "field"?, "abs_tolerance"? = 1e-6, "rel_tolerance"? = 0},
///   {"kind": "http", "name"?, "weight"?, "url", "headers"?, "timeout_s"? = 30, "idempotent"? = true}]}
/// ```
///
/// @param environment its name
/// @param rewards summed with their weights; none means that the environment cannot score
public record EnvironmentSpec(
    String environment, List<ToolEntry> tools, List<RewardEntry> rewards) {

  public EnvironmentSpec {
    tools = List.copyOf(tools);
    rewards = List.copyOf(rewards);
    unique("tools", tools, ToolEntry::name);
    unique("rewards", rewards, RewardEntry::name);
  }

  /// Reads a body. Unknown fields are ignored.
  ///
  /// @throws InvalidEnvironment with one sentence that names the field and its value
  public static EnvironmentSpec parse(JsonNode body) {
    return SpecReader.environment(body);
  }

  /// Reads a body from its text.
  ///
  /// @throws InvalidEnvironment also if the text is not JSON
  public static EnvironmentSpec parse(String body) {
    try {
      return parse(JsonText.read(body));
    } catch (JsonText.Unreadable e) {
      throw new InvalidEnvironment("body is not JSON: " + e.getMessage());
    }
  }

  /// The body with every default written out; parsing it gives an equal spec. Secrets are in it as
  /// references only.
  public ObjectNode toJson() {
    return SpecWriter.environment(this);
  }

  /// Everywhere this environment sends requests, with the field that says so.
  Stream<Placed> endpoints() {
    Stream<Placed> ofTools =
        Stream.iterate(0, i -> i < tools.size(), i -> i + 1)
            .map(i -> new Placed("tools[%d]".formatted(i), tools.get(i).endpoint()));
    Stream<Placed> ofRewards =
        Stream.iterate(0, i -> i < rewards.size(), i -> i + 1)
            .flatMap(i ->
                rewards.get(i) instanceof RewardEntry.Http http
                    ? Stream.of(new Placed("rewards[%d]".formatted(i), http.endpoint()))
                    : Stream.empty());
    return Stream.concat(ofTools, ofRewards);
  }

  /// An endpoint and the path of the object that holds it.
  record Placed(String path, Endpoint endpoint) {}

  private static <T> void unique(String field, List<T> entries, Function<T, String> name) {
    for (int i = 0; i < entries.size(); i++)
      for (int j = 0; j < i; j++)
        if (name.apply(entries.get(i)).equals(name.apply(entries.get(j))))
          throw new InvalidEnvironment(
              "%s[%d].name must differ from that of %s[%d], was \"%s\""
                  .formatted(field, i, field, j, name.apply(entries.get(i))));
  }
}
