package dev.turnstone.rollout;

import java.util.List;

/// What the policy is asked to do.
///
/// @param environment name of a registered environment
/// @param data what the reward needs, such as the answer; the policy never sees it
public record Task(String id, List<Message> messages, String environment, Json data) {
  public Task {
    messages = List.copyOf(messages);
    if (messages.isEmpty()) throw new IllegalArgumentException("task " + id + " has no messages");
  }
}
