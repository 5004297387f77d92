package dev.turnstone.engine.chat.tools;

import java.util.List;
import java.util.Optional;

/// The texts between which a model thinks.
///
/// @param name as `--reasoning-parser` knows them
public record ReasoningTags(String name, String open, String close) {
  /// DeepSeek R1, Qwen3, GLM, Kimi and most others.
  public static final ReasoningTags THINK = new ReasoningTags("think", "<think>", "</think>");

  static final ReasoningTags MISTRAL = new ReasoningTags("mistral", "[THINK]", "[/THINK]");

  /// Reasoning is never told from content.
  public static final ReasoningTags NONE = new ReasoningTags("none", "", "");

  private static final List<ReasoningTags> ALL = List.of(THINK, MISTRAL, NONE);

  public static List<String> names() {
    return ALL.stream().map(ReasoningTags::name).toList();
  }

  public static Optional<ReasoningTags> named(String name) {
    return ALL.stream().filter(tags -> tags.name().equals(name)).findFirst();
  }

  /// The tags that a chat template's source mentions, or [#NONE].
  public static ReasoningTags detect(String template) {
    return ALL.stream()
        .filter(tags -> tags.there() && template.contains(tags.close()))
        .findFirst()
        .orElse(NONE);
  }

  boolean there() {
    return !open.isEmpty();
  }

  /// Whether a prompt ends inside of the reasoning, as templates let it that open it themselves.
  ///
  /// @param before the prompt's last few tokens
  boolean openedBy(String before) {
    return there() && before.lastIndexOf(open) > before.lastIndexOf(close);
  }
}
