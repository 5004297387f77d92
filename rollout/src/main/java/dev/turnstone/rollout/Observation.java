package dev.turnstone.rollout;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What the environment shows the policy after a turn.
///
/// @param results one per call, in the order of the calls; none after a turn without calls
/// @param says what the environment says as the user, after the results
/// @param done whether the environment ended the episode
/// @param reward of this turn alone; empty if the environment gave none, which is not 0
public record Observation(
    List<Result> results, Optional<String> says, boolean done, Optional<Double> reward) {
  public Observation {
    results = List.copyOf(results);
    reward
        .filter(value -> !Double.isFinite(value))
        .ifPresent(value -> {
          throw new IllegalArgumentException("reward of a turn is not finite: " + value);
        });
  }

  /// Results and nothing else.
  public Observation(List<Result> results, boolean done) {
    this(results, Optional.empty(), done, Optional.empty());
  }

  /// What the policy reads, in order.
  public List<Message> messages() {
    List<Message> messages = new ArrayList<>();
    for (Result result : results) messages.add(result.message());
    says.ifPresent(text -> messages.add(new Message.User(text)));
    return messages;
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
