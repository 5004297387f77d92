package dev.turnstone.envadapters.tools;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.ToolSpec;

/// A tool that can be called. Safe for several calls at once; whether they may run beside each
/// other is for [#rules] to say.
public interface Tool {
  ToolSpec spec();

  ArgumentSchema arguments();

  CallRules rules();

  /// Shared by all sessions that call this tool.
  Throttle throttle();

  /// Runs one call whose arguments hold to the schema.
  ToolAnswer run(Call call) throws EnvironmentLost, InterruptedException;

  /// One call.
  ///
  /// @param session names the rollout's session to the peer
  /// @param deadline of the rollout
  record Call(JsonNode arguments, String session, Deadline deadline) {}
}
