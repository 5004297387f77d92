package dev.turnstone.trainerbridge.runs;

import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser;
import dev.turnstone.rollout.ToolSpec;
import java.util.List;
import java.util.Set;

/// One id per character; `call X` is a tool call and `bad X` is one that nobody can read.
public final class PlainFormat implements ChatFormat, ToolCallParser {
  static final int STOP = 0;

  static Tokens encode(String text) {
    return Tokens.of(text.chars().toArray());
  }

  @Override
  public Tokens prompt(List<Message> messages, List<ToolSpec> tools) {
    return suffix(Tokens.NONE, messages, tools);
  }

  @Override
  public Tokens suffix(Tokens held, List<Message> messages, List<ToolSpec> tools) {
    StringBuilder text = new StringBuilder();
    for (Message message : messages) text.append(message.content()).append('\n');
    return encode(text.toString());
  }

  @Override
  public String text(Tokens generated) {
    StringBuilder text = new StringBuilder();
    for (int id : generated.toArray()) if (id != STOP) text.append((char) id);
    return text.toString();
  }

  @Override
  public Set<Integer> stopIds() {
    return Set.of(STOP);
  }

  @Override
  public Parsed parse(Turn turn) {
    String text = turn.text();
    if (text.startsWith("bad ")) return new Parsed.Malformed(text, "it is bad");
    if (!text.startsWith("call ")) return new Parsed.Answer(text);
    ToolCall call = new ToolCall("call-" + turn.number(), "tool", new Json(text.substring(5)));
    return new Parsed.Calls("", List.of(call));
  }
}
