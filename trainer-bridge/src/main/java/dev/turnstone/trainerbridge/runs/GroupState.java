package dev.turnstone.trainerbridge.runs;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Task;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import java.util.List;
import java.util.OptionalLong;

/// A group at one moment: what `GET /v1/runs/{run}/groups/{group}` answers.
///
/// @param state `pending`, `running`, `complete` or `dropped`
/// @param seq its place in the feed, once it is complete or dropped
/// @param reason why it was dropped, else empty
/// @param rollouts those that finished, the newest attempt of each
public record GroupState(
    Task task, String state, OptionalLong seq, String reason, List<RolloutSummary> rollouts) {
  public GroupState {
    rollouts = List.copyOf(rollouts);
  }

  /// The answer's JSON object.
  public ObjectNode toJson() {
    ObjectNode node = JsonText.object();
    node.put("group", task.id()).put("state", state);
    seq.ifPresent(value -> node.put("seq", value));
    if (!reason.isEmpty()) node.put("reason", reason);
    node.set("task", GroupRequest.taskJson(task));
    ArrayNode list = node.putArray("rollouts");
    rollouts.forEach(rollout -> list.add(rollout.toJson()));
    return node;
  }
}
