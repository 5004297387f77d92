package dev.turnstone.rollout;

import java.util.List;
import java.util.Map;
import java.util.Set;

/// Turns messages into token ids as the policy was trained to read them, and ids into text.
public interface ChatFormat {
  /// The ids of a whole conversation, ending where the assistant is to write.
  ///
  /// @throws IllegalArgumentException if the template refuses the conversation
  Tokens prompt(List<Message> messages, List<ToolSpec> tools);

  /// The ids of a whole conversation, rendered as a client asks.
  ///
  /// @throws IllegalArgumentException if the template refuses the conversation, or this format
  ///   renders in one way only
  default Tokens prompt(List<Message> messages, List<ToolSpec> tools, Rendering rendering) {
    if (!rendering.equals(Rendering.USUAL))
      throw new IllegalArgumentException("this chat format renders conversations in one way only");
    return prompt(messages, tools);
  }

  /// What to append to `held` so that the policy reads `messages` and writes again. `held` is never
  /// encoded again; an end-of-turn token or separator that the policy left out is inserted.
  Tokens suffix(Tokens held, List<Message> messages, List<ToolSpec> tools);

  /// The same with variables of the template, such as `enable_thinking`.
  default Tokens suffix(
      Tokens held, List<Message> messages, List<ToolSpec> tools, Map<String, Json> variables) {
    if (!variables.isEmpty())
      throw new IllegalArgumentException("this chat format renders conversations in one way only");
    return suffix(held, messages, tools);
  }

  /// The text of generated ids, without stop tokens, as a tool-call parser reads it.
  String text(Tokens generated);

  /// Whether the template renders earlier turns otherwise once newer messages follow. Held ids win
  /// then, and rows of several turns say so.
  default boolean rewritesHistory() {
    return false;
  }

  /// Ids that end a turn.
  Set<Integer> stopIds();
}
