package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Observation.Result;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;

/// A tool that can be called. Shared by all sessions of its environment, so it holds no state.
sealed interface Tool permits SandboxTool, HttpTool {
  ToolSpec spec();

  ArgumentSchema arguments();

  /// Whether calls of this tool may run beside each other.
  boolean parallel();

  /// Runs one call whose arguments hold to the schema.
  ///
  /// @param session names the rollout's session to the peer
  Result run(ToolCall call, JsonNode arguments, String session, Deadline deadline)
      throws EnvironmentLost, InterruptedException;

  /// What the policy reads when the rollout's time ran out in a call; the loop stops by itself.
  static Result outOfTime(ToolCall call) {
    return new Result.Failed(call, "Error: the time for this task is over");
  }
}
