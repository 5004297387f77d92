package dev.turnstone.trainerbridge.runs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.RunPhase;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.util.Map;
import java.util.Optional;

/// A run at one moment: what `GET /v1/runs/{run}` answers.
///
/// @param finished no task will follow and every group has its place in the feed
/// @param trainer whether one is connected
/// @param paused why this server admits nothing for now, such as a full disk
/// @param counters of groups, rollouts, stops and drops, by name
public record RunState(
    RunSpec spec,
    RunPhase phase,
    boolean finished,
    boolean trainer,
    Optional<String> paused,
    WeightsId weights,
    Map<String, Long> counters) {
  public RunState {
    counters = Map.copyOf(counters);
  }

  /// One word for it: `running`, `ending`, `ended`, `cancelled` or `paused`.
  public String state() {
    return switch (phase) {
      case OPEN -> paused.isPresent() ? "paused" : "running";
      case ENDED -> finished ? "ended" : "ending";
      case CANCELLED -> "cancelled";
    };
  }

  /// The answer's JSON object.
  public ObjectNode toJson() {
    ObjectNode node = JsonText.object();
    node.put("run", spec.run()).put("state", state()).put("trainer", trainer);
    paused.ifPresent(why -> node.put("paused", why));
    node.set("spec", spec.toJson());
    node.putObject("weights")
        .put("lineage", weights.lineage())
        .put("version", weights.version())
        .put("sha256", weights.sha256());
    ObjectNode counts = node.putObject("counters");
    counters.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(count -> counts.put(count.getKey(), count.getValue()));
    return node;
  }
}
