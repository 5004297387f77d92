package dev.turnstone.rollout;

import java.util.ArrayList;
import java.util.List;

/// Reads lines `CALL name {…}` as tool calls; a line `CALL` of another form is malformed.
final class LineToolCallParser implements ToolCallParser {
  @Override
  public Parsed parse(Turn turn) {
    String text = turn.text();
    if (!text.contains("CALL")) return new Parsed.Answer(text);
    List<ToolCall> calls = new ArrayList<>();
    for (String line : text.substring(text.indexOf("CALL")).lines().toList()) {
      String[] words = line.split(" ", 3);
      if (words.length < 3) return new Parsed.Malformed(text, "no arguments in '" + line + "'");
      calls.add(
          new ToolCall("call-" + turn.number() + "-" + calls.size(), words[1], new Json(words[2])));
    }
    return new Parsed.Calls(text.substring(0, text.indexOf("CALL")), calls);
  }
}
