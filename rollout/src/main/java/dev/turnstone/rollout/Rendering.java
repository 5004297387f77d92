package dev.turnstone.rollout;

import java.util.Map;
import java.util.Optional;

/// How a conversation is rendered, besides its messages and tools.
///
/// @param generationPrompt whether the text ends where the assistant is to begin
/// @param continued whether the last message is the beginning of what the assistant is to write
/// @param variables of the chat template, such as `enable_thinking`
/// @param template source of the template; empty: the policy's own
public record Rendering(
    boolean generationPrompt,
    boolean continued,
    Map<String, Json> variables,
    Optional<String> template) {
  /// By the policy's own template, ending where the assistant is to begin.
  public static final Rendering USUAL = new Rendering(true, false, Map.of(), Optional.empty());

  public Rendering {
    variables = Map.copyOf(variables);
    if (continued && generationPrompt)
      throw new IllegalArgumentException(
          "a message is continued or a new one is begun, but not both");
  }

  /// Whether a turn after held ids is rendered like this: the ids decide all but the variables.
  public boolean follows() {
    return generationPrompt && template.isEmpty();
  }
}
