package dev.turnstone.engine.chat.tools;

import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.ToolCallParser;
import dev.turnstone.rollout.ToolSpec;
import java.util.List;
import java.util.Optional;

/// Reads turns in the format of a model.
///
/// @param reasoning [ReasoningTags#NONE] if it does not think aloud
public record TurnParser(ToolFormat format, ReasoningTags reasoning) implements ToolCallParser {
  /// The parser that a chat template wants; calls are not read if it teaches no known format.
  public static TurnParser of(String template) {
    return new TurnParser(
        ToolFormats.detect(template).orElse(ToolFormats.NONE), ReasoningTags.detect(template));
  }

  /// The same parser for turns that were offered no tools, whose text holds no calls.
  public TurnParser withoutCalls() {
    return new TurnParser(ToolFormats.NONE, reasoning);
  }

  /// Whether reasoning is told from content.
  public boolean readsReasoning() {
    return reasoning.there();
  }

  @Override
  public Optional<Constraint> forced(List<ToolSpec> tools, boolean several) {
    return ForcedCalls.of(format, tools, several);
  }

  @Override
  public Parsed parse(Turn turn) {
    TurnStream stream = stream(turn);
    stream.feed(turn.text());
    return stream.finish().parsed();
  }

  /// Reads a turn while it is being written; its text is fed.
  public TurnStream stream(Turn turn) {
    return new TurnStream(format, reasoning, turn);
  }
}
