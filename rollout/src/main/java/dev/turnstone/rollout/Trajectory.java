package dev.turnstone.rollout;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// The token record of a finished rollout and why it stopped.
///
/// @param rows one per branch; empty only if the rollout never had a prompt
/// @param reward empty until scored; empty is never 0
/// @param detail one sentence about the stop, empty if the reason says all
/// @param transcript the conversation as messages, for people; training reads the rows
public record Trajectory(
    RolloutId id,
    List<Row> rows,
    Optional<Reward> reward,
    StopReason stop,
    String detail,
    List<Message> transcript,
    Stats stats) {
  public Trajectory {
    rows = List.copyOf(rows);
    transcript = List.copyOf(transcript);
  }

  /// What the rollout cost.
  ///
  /// @param toolCalls calls that a tool executed, failed ones included
  public record Stats(
      int turns, int generatedTokens, int cachedTokens, int toolCalls, Duration wallTime) {
    public static final Stats NONE = new Stats(0, 0, 0, 0, Duration.ZERO);
  }
}
