package dev.turnstone.envadapters.nemogym;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.tools.OpenTools;
import dev.turnstone.envadapters.tools.Tool;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Message;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A seeded session of a NeMo Gym server, whose `/verify` scores the rollout.
final class GymEpisode implements OpenTools {
  private final GymPeer peer;
  private final ObjectNode row;
  private final List<Tool> tools;

  GymEpisode(GymPeer peer, ObjectNode row, List<Tool> tools) {
    this.peer = peer;
    this.row = row;
    this.tools = List.copyOf(tools);
  }

  @Override
  public List<Tool> tools() {
    return tools;
  }

  @Override
  public Optional<Verdict> verify(List<Message> transcript)
      throws EnvironmentLost, InterruptedException {
    ObjectNode body = row.deepCopy();
    body.set("response", ResponseJson.of(row, ResponseJson.turns(transcript)));
    JsonNode answer = peer.post("verify", body, peer.scoringDeadline());
    double reward = finite("reward", answer.path("reward"));
    Map<String, Double> parts = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> part : answer.path("reward_components").properties())
      parts.put(part.getKey(), finite(part.getKey(), part.getValue()));
    return Optional.of(new Verdict(reward, parts));
  }

  private double finite(String field, JsonNode node) throws EnvironmentLost {
    if (node.isNumber() && Double.isFinite(node.doubleValue())) return node.doubleValue();
    throw peer.lost(
        "answered /verify with a %s that is not a finite number: %s"
            .formatted(field, node.isMissingNode() ? "absent" : node));
  }

  @Override
  public void close() {}
}
