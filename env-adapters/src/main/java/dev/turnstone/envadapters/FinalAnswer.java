package dev.turnstone.envadapters;

import dev.turnstone.rollout.Message;
import java.util.List;
import java.util.Optional;

/// The text a policy ended with.
final class FinalAnswer {
  private static final String THINKING = "<think>";
  private static final String THOUGHT = "</think>";

  private FinalAnswer() {}

  /// The last message if the assistant wrote it and called no tool in it, without its thinking;
  /// empty if there is none, because a conversation that ended in the middle has no answer.
  static Optional<String> of(List<Message> transcript) {
    if (transcript.isEmpty()
        || !(transcript.getLast() instanceof Message.Assistant(String text, var calls, _))
        || !calls.isEmpty()) return Optional.empty();
    int thought = text.lastIndexOf(THOUGHT);
    if (thought >= 0) return Optional.of(text.substring(thought + THOUGHT.length()));
    return text.contains(THINKING) ? Optional.empty() : Optional.of(text);
  }
}
