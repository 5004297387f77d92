package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.peer.Fields;
import dev.turnstone.envadapters.peer.Origin;
import java.util.regex.Pattern;

/// Reads the JSON of a registration.
final class SpecReader {
  static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]{1,64}");
  private static final Pattern ENVIRONMENT = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  private static final int MAX_TOOLS = 128;
  private static final int MAX_REWARDS = 32;

  private SpecReader() {}

  static EnvironmentSpec environment(JsonNode body, Origin origin) {
    Fields fields = Fields.of(body, "");
    return new EnvironmentSpec(
        fields.text("environment", ENVIRONMENT),
        fields.list("tools", MAX_TOOLS, entry -> ToolReader.read(entry, origin)),
        fields.list("rewards", MAX_REWARDS, entry -> RewardReader.read(entry, origin)));
  }
}
