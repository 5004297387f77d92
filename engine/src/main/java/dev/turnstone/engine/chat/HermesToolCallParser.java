package dev.turnstone.engine.chat;

import dev.turnstone.engine.chat.ToolCallJson.Unreadable;
import dev.turnstone.rollout.ToolCall;
import java.util.ArrayList;
import java.util.List;

/// The format of Hermes, Qwen2.5 and Qwen3: `<tool_call>\n{"name": …, "arguments":
/// {…}}\n</tool_call>`, once per call.
///
/// The end tag may be missing at the end of the text. Tags inside of JSON strings are text. What
/// stands between and after calls is dropped.
public final class HermesToolCallParser implements TaggedToolCallParser {
  private static final String OPEN = "<tool_call>";
  private static final String CLOSE = "</tool_call>";

  @Override
  public String opening() {
    return OPEN;
  }

  @Override
  public Parsed parse(Turn written) {
    String text = written.text();
    int turn = written.number();
    int open = text.indexOf(OPEN);
    if (open < 0) return new Parsed.Answer(text);
    String content = text.substring(0, open);
    List<ToolCall> calls = new ArrayList<>();
    try {
      while (open >= 0) {
        ToolCallJson json = ToolCallJson.read(text, open + OPEN.length());
        calls.add(json.call("call_" + turn + "_" + calls.size()));
        open = text.indexOf(OPEN, closed(text, json.end()));
      }
    } catch (Unreadable e) {
      return new Parsed.Malformed(text, e.why());
    }
    return new Parsed.Calls(content.isBlank() ? "" : content, calls);
  }

  /// Where the end tag after a call ends, which only the end of the text may replace.
  private static int closed(String text, int from) throws Unreadable {
    int at = from;
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) at++;
    if (at == text.length()) return at;
    if (text.startsWith(CLOSE, at)) return at + CLOSE.length();
    if (CLOSE.startsWith(text.substring(at))) return text.length();
    throw new Unreadable(
        "expected " + CLOSE + " after the JSON object, got " + ToolCallJson.excerpt(text, at));
  }
}
