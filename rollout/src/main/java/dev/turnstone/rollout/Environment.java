package dev.turnstone.rollout;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// Tools, reward and limits for a kind of task; opened once per rollout.
public interface Environment {
  /// Opens a session for one rollout. A session is used once and then closed.
  ///
  /// @param seed for whatever the environment draws at random
  /// @param deadline time the whole session may take
  Session open(Task task, long seed, Duration deadline)
      throws EnvironmentLost, InterruptedException;

  /// One rollout's state in an environment. Used by one thread.
  interface Session extends AutoCloseable {
    /// The tools there are, the same for the whole session.
    List<ToolSpec> tools();

    /// What the environment shows before the first turn; the policy reads it after the task's
    /// messages.
    default List<Message> opening() {
      return List.of();
    }

    /// Runs the calls of one turn and says what the policy sees.
    Observation step(List<ToolCall> calls) throws EnvironmentLost, InterruptedException;

    /// Answers a turn without a tool call. Empty, as in most environments: that turn was the
    /// policy's answer and the rollout stops.
    default Optional<Observation> reply(String content)
        throws EnvironmentLost, InterruptedException {
      return Optional.empty();
    }

    /// The reward of the conversation so far; empty if this environment cannot score it.
    Optional<Reward> score(List<Message> transcript) throws EnvironmentLost, InterruptedException;

    @Override
    void close();
  }

  /// The environment itself broke: the rollout is `environment_lost`, never reward 0.
  final class EnvironmentLost extends Exception {
    private static final long serialVersionUID = 1;

    public EnvironmentLost(String message) {
      super(message);
    }

    public EnvironmentLost(String message, Throwable cause) {
      super(message, cause);
    }
  }
}
