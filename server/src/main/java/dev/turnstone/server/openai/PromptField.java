package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Refused;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A prompt as text or as ids.
///
/// @param text as it was sent, if it was sent as text
public record PromptField(Optional<String> text, Tokens ids) {
  private static final int MOST_PROMPTS = 1024;

  /// Reads `prompt`: a text, ids, or a list of either.
  ///
  /// @param addSpecial whether texts get what the tokenizer puts around them
  static List<PromptField> read(JsonNode prompt, boolean addSpecial, Served served) {
    if (prompt.isTextual()) return List.of(text(prompt, addSpecial, served, "prompt"));
    if (prompt.path(0).isNumber()) return List.of(ids(prompt, "prompt"));
    if (prompt.isEmpty()) throw Refused.bad("prompt is empty", "prompt");
    if (prompt.size() > MOST_PROMPTS)
      throw Refused.bad(
          "prompt has %d prompts, but may have %d".formatted(prompt.size(), MOST_PROMPTS),
          "prompt");
    List<PromptField> all = new ArrayList<>();
    for (JsonNode one : prompt) {
      String param = "prompt[" + all.size() + "]";
      all.add(one.isTextual() ? text(one, addSpecial, served, param) : ids(one, param));
    }
    return all;
  }

  private static PromptField text(JsonNode text, boolean addSpecial, Served served, String param) {
    Tokens ids = served.texts().encode(text.textValue(), addSpecial);
    if (ids.isEmpty()) throw Refused.bad(param + " is empty", param);
    return new PromptField(Optional.of(text.textValue()), ids);
  }

  private static PromptField ids(JsonNode ids, String param) {
    return new PromptField(Optional.empty(), readIds(ids, param));
  }

  /// Reads a list of token ids that has at least one.
  public static Tokens readIds(JsonNode ids, String param) {
    if (!ids.isArray()) throw Refused.bad(param + " must be a list of token ids", param);
    if (ids.isEmpty()) throw Refused.bad(param + " is empty", param);
    int[] all = new int[ids.size()];
    int i = 0;
    for (JsonNode id : ids) {
      if (!id.isInt() || id.intValue() < 0)
        throw Refused.bad("%s[%d] must be a token id, but is %s".formatted(param, i, id), param);
      all[i++] = id.intValue();
    }
    return Tokens.of(all);
  }
}
