package dev.turnstone.envadapters.tools;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Task;

/// One entry of an environment's `tools`: where tools, and perhaps a whole episode, come from.
public interface ToolSource {
  /// Opens it for one rollout. What it returns is used once and closed.
  OpenTools open(Opening opening) throws EnvironmentLost, InterruptedException;

  /// The rollout that opens it.
  ///
  /// @param data of the task
  /// @param session a name that no other rollout has
  record Opening(Task task, JsonNode data, long seed, String session, Deadline deadline) {}
}
