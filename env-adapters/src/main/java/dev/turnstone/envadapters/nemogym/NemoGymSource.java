package dev.turnstone.envadapters.nemogym;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.OpenTools;
import dev.turnstone.envadapters.tools.Throttle;
import dev.turnstone.envadapters.tools.Tool;
import dev.turnstone.envadapters.tools.ToolEntry;
import dev.turnstone.envadapters.tools.ToolEntry.Style;
import dev.turnstone.envadapters.tools.ToolSource;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolSpec;
import java.util.ArrayList;
import java.util.List;

/// A NeMo Gym resource server, as its agents drive it: a cookie jar per rollout, the dataset's row
/// in every request, tools as the row lists them.
///
/// Source: NeMo Gym 0.7, `base_resources_server.py`, `simple_agent`, `gymnasium_agent`.
public final class NemoGymSource implements ToolSource {
  private final ToolEntry.NemoGym entry;
  private final Host host;
  private final Throttle throttle;

  public NemoGymSource(ToolEntry.NemoGym entry, Host host) {
    this.entry = entry;
    this.host = host;
    this.throttle = host.throttle(entry.rules());
  }

  @Override
  public OpenTools open(Opening opening) throws EnvironmentLost, InterruptedException {
    if (!(opening.data() instanceof ObjectNode row))
      throw new EnvironmentLost("the task's data must be the dataset's row, a JSON object");
    ObjectNode whole = withParams(row, opening);
    GymPeer peer = new GymPeer(entry, host, opening.session());
    List<ToolSpec> specs = specs(whole);
    if (entry.style() == Style.GYMNASIUM)
      return GymnasiumEpisode.reset(peer, whole, specs, opening);
    peer.post("seed_session", whole, opening.deadline());
    List<Tool> tools = new ArrayList<>();
    for (ToolSpec spec : specs) tools.add(tool(spec, peer));
    return new GymEpisode(peer, whole, tools);
  }

  /// A row without the model's input gets the task's.
  private static ObjectNode withParams(ObjectNode row, Opening opening) {
    ObjectNode whole = row.deepCopy();
    ObjectNode params =
        whole.get("responses_create_params") instanceof ObjectNode there
            ? there
            : whole.putObject("responses_create_params");
    if (!params.has("input")) params.set("input", ResponseJson.input(opening.task().messages()));
    return whole;
  }

  private Tool tool(ToolSpec spec, GymPeer peer) throws EnvironmentLost {
    try {
      return new GymTool(spec, entry.rules(), throttle, peer, host);
    } catch (InvalidEnvironment e) {
      throw peer.lost("row has a tool %s whose %s".formatted(spec.name(), e.getMessage()));
    }
  }

  private static List<ToolSpec> specs(ObjectNode row) {
    List<ToolSpec> specs = new ArrayList<>();
    for (JsonNode tool : row.at("/responses_create_params/tools")) {
      if (!tool.path("type").asText("function").equals("function")) continue;
      JsonNode parameters = tool.path("parameters");
      JsonNode schema =
          parameters.isObject() ? parameters : JsonText.object().put("type", "object");
      specs.add(
          new ToolSpec(
              tool.path("name").asText(),
              tool.path("description").asText(""),
              new Json(schema.toString())));
    }
    return specs;
  }
}
