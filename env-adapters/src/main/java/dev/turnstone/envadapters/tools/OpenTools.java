package dev.turnstone.envadapters.tools;

import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Message;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A [ToolSource] that one rollout has opened.
public interface OpenTools extends AutoCloseable {
  /// The tools there are, the same until it is closed.
  List<Tool> tools();

  /// What the policy reads before its first turn.
  default List<Message> opening() {
    return List.of();
  }

  /// Takes a whole turn, with or without tool calls; empty if this source only has tools.
  ///
  /// @param transcript the conversation so far; its last message is the turn
  default Optional<TurnReply> turn(List<Message> transcript)
      throws EnvironmentLost, InterruptedException {
    return Optional.empty();
  }

  /// What the source itself thinks of the rollout; empty if it does not score.
  default Optional<Verdict> verify(List<Message> transcript)
      throws EnvironmentLost, InterruptedException {
    return Optional.empty();
  }

  /// A source's own score.
  ///
  /// @param parts what the value was made of, if the source says so
  record Verdict(double value, Map<String, Double> parts) {}

  @Override
  void close();
}
