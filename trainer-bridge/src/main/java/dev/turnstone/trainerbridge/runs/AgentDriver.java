package dev.turnstone.trainerbridge.runs;

import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.spec.RunSpec;

/// Plays rollouts whose turns an outside agent drives.
@FunctionalInterface
public interface AgentDriver {
  /// A server without sessions.
  AgentDriver NONE =
      (id, task, spec) -> {
        throw new IllegalStateException("this server has no sessions for " + id);
      };

  /// Opens a session for a rollout and blocks until it is finished, or past its deadline.
  ///
  /// @throws InterruptedException if the rollout is cancelled; the session is closed
  Trajectory drive(RolloutId id, Task task, RunSpec spec) throws InterruptedException;
}
