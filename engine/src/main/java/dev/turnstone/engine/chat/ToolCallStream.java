package dev.turnstone.engine.chat;

import dev.turnstone.rollout.ToolCallParser.Parsed;

/// Splits a turn's text into content and tool calls while it arrives.
///
/// Content is passed on at once, except what may turn out to be the opening of a call, and white
/// space before anything else. From the opening on everything is held until the end, because only
/// then is it known whether all calls are readable: joined, the content is what parsing the whole
/// text gives. One per turn; not for several threads at once.
public final class ToolCallStream {
  private final TaggedToolCallParser parser;
  private final int turn;
  private final StringBuilder text = new StringBuilder();
  private int sent;
  private boolean inCalls;

  /// @param turn number of the turn, from 0
  public ToolCallStream(TaggedToolCallParser parser, int turn) {
    this.parser = parser;
    this.turn = turn;
  }

  /// What a turn was.
  ///
  /// @param content what [#feed] held back of the content
  /// @param parsed what the whole text means
  public record End(String content, Parsed parsed) {}

  /// Takes more text and returns the content that is certain now, perhaps none.
  public String feed(String delta) {
    text.append(delta);
    if (inCalls) return "";
    int open = text.indexOf(parser.opening(), sent);
    inCalls = open >= 0;
    int certain = inCalls ? open : text.length() - partialOpening();
    if (sent == 0 && text.substring(0, certain).isBlank()) return "";
    return send(certain);
  }

  /// How many characters at the end could be the beginning of an opening.
  private int partialOpening() {
    String opening = parser.opening();
    for (int length = Math.min(opening.length() - 1, text.length() - sent); length > 0; length--)
      if (text.substring(text.length() - length).equals(opening.substring(0, length)))
        return length;
    return 0;
  }

  private String send(int end) {
    String content = text.substring(sent, end);
    sent = end;
    return content;
  }

  /// The turn is over. Unreadable calls become content, so that nothing is lost.
  public End finish() {
    Parsed parsed = parser.parse(text.toString(), turn);
    String content =
        switch (parsed) {
          case Parsed.Calls _ -> "";
          case Parsed.Answer _, Parsed.Malformed _ -> send(text.length());
        };
    return new End(content, parsed);
  }
}
