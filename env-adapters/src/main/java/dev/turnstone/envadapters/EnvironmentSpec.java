package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.Endpoint;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Origin;
import dev.turnstone.envadapters.rewards.RewardEntry;
import dev.turnstone.envadapters.tools.ToolEntry;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// An environment as it is registered: the body of `POST /v1/environments`, or a file of the
/// operator's. Two bodies that mean the same are equal, whatever they left to defaults.
///
/// ```
/// {"environment": "python",
///  "tools": [{"kind": "sandbox" | "http" | "openapi" | "mcp" | "openenv" | "nemo_gym", …}],
///  "rewards": [{"kind": "exact_match" | "numeric" | "regex" | "json_equal" | "code_tests" | "http"
///                       | "judge" | "steps" | "environment", "name"? = kind, "weight"? = 1, …}]}
/// ```
///
/// `docs/ENVIRONMENTS.md` has the fields of each kind; [ToolReader] and [RewardReader] their
/// bounds.
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

  /// Reads a body that came over HTTP. Unknown fields are ignored.
  ///
  /// @throws InvalidEnvironment with one sentence that names the field and its value
  public static EnvironmentSpec parse(JsonNode body) {
    return SpecReader.environment(body, Origin.HTTP);
  }

  /// Reads what the operator wrote, which may hold commands and files of the server.
  ///
  /// @throws InvalidEnvironment with one sentence that names the field and its value
  public static EnvironmentSpec ofOperator(JsonNode body) {
    return SpecReader.environment(body, Origin.OPERATOR);
  }

  /// Reads a body that came over HTTP from its text.
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
        IntStream.range(0, tools.size())
            .boxed()
            .flatMap(i -> placed("tools[%d]".formatted(i), tools.get(i).place()));
    Stream<Placed> ofRewards =
        IntStream.range(0, rewards.size())
            .boxed()
            .flatMap(i -> placed("rewards[%d]".formatted(i), rewards.get(i).place()));
    return Stream.concat(ofTools, ofRewards);
  }

  private static Stream<Placed> placed(String path, Optional<Endpoint> endpoint) {
    return endpoint.stream().map(there -> new Placed(path, there));
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
