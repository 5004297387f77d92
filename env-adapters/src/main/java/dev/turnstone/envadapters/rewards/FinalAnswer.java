package dev.turnstone.envadapters.rewards;

import dev.turnstone.rollout.Message;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The text a policy ended with.
final class FinalAnswer {
  private static final String THINKING = "<think>";
  private static final String THOUGHT = "</think>";

  private static final Pattern FENCED =
      Pattern.compile("```[^\\n`]*\\n(.*?)(?:```|\\z)", Pattern.DOTALL);

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

  /// The last fenced code block of an answer, or the whole of it if there is none.
  static String code(String answer) {
    Matcher fences = FENCED.matcher(answer);
    String last = answer;
    while (fences.find()) last = fences.group(1);
    return last;
  }
}
