package dev.turnstone.rollout;

import java.util.List;

/// What the environment shows the policy after a turn.
///
/// @param results one per call, in the order of the calls
/// @param done whether the environment ended the episode
public record Observation(List<Result> results, boolean done) {
  public Observation {
    results = List.copyOf(results);
  }

  public boolean allFailed() {
    return !results.isEmpty() && results.stream().allMatch(Result.Failed.class::isInstance);
  }

  /// A tool's answer to one call.
  public sealed interface Result {
    ToolCall call();

    /// What the policy reads.
    String text();

    default Message message() {
      return new Message.Tool(call().id(), call().name(), text());
    }

    record Ok(ToolCall call, String text) implements Result {}

    /// The tool refused or failed; the policy sees why and may try again.
    record Failed(ToolCall call, String text) implements Result {}
  }
}
