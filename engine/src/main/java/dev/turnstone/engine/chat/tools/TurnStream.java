package dev.turnstone.engine.chat.tools;

import dev.turnstone.engine.chat.tools.CallReader.Found;
import dev.turnstone.engine.chat.tools.Opening.Place;
import dev.turnstone.rollout.ToolCallParser.Parsed;
import dev.turnstone.rollout.ToolCallParser.Turn;
import java.util.Optional;

/// Splits a turn's text into reasoning, content and tool calls while it arrives.
///
/// Reasoning and content are passed on as soon as they are certain: held back is what may turn out
/// to be a tag, and line breaks next to one. From the opening of the calls on everything is held
/// until the end, because only then is it known whether all calls are readable. However the text is
/// cut into pieces, what was passed on, joined, is the same. One per turn; not for several threads
/// at once.
public final class TurnStream {
  private final ToolFormat format;
  private final ReasoningTags tags;
  private final Turn turn;
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder reasoning = new StringBuilder();

  private State state;
  private boolean ended;

  /// What was passed on, or will be dropped.
  private int sent;

  /// From where on nothing is known yet of what the text holds.
  private int scanned;

  /// Where the content begins; known in [State#CONTENT].
  private int contentStart;

  private enum State {
    /// Nothing but white space and what may be the opening tag.
    START,
    REASONING,
    /// After the closing tag: line breaks and further closing tags are dropped.
    CLOSED,
    CONTENT
  }

  /// @param turn its text is ignored; it is fed
  TurnStream(ToolFormat format, ReasoningTags tags, Turn turn) {
    this.format = format;
    this.tags = tags;
    this.turn = turn;
    this.state =
        !tags.there()
            ? State.CONTENT
            : tags.openedBy(turn.before()) ? State.REASONING : State.START;
  }

  /// What is certain now, either perhaps empty.
  public record Delta(String reasoning, String content) {}

  /// What a turn was.
  ///
  /// @param delta what [#feed] held back
  /// @param parsed what the whole text means
  public record End(Delta delta, Parsed parsed) {}

  /// Takes more text.
  public Delta feed(String more) {
    text.append(more);
    int thought = reasoning.length();
    String content = advance();
    return new Delta(reasoning.substring(thought), content);
  }

  /// The turn is over. Unreadable calls become content, so that nothing is lost.
  public End finish() {
    ended = true;
    int thought = reasoning.length();
    String content = advance();
    Parsed parsed = parsed();
    content +=
        parsed instanceof Parsed.Calls calls
            ? send(Math.max(sent, contentStart + calls.content().length()))
            : send(text.length());
    return new End(new Delta(reasoning.substring(thought), content), parsed);
  }

  /// Goes through the states as far as the text allows; the content that is certain now.
  private String advance() {
    if (state == State.START) start();
    if (state == State.REASONING) reasoning();
    if (state == State.CLOSED) closed();
    return state == State.CONTENT ? content() : "";
  }

  private void start() {
    int at = Tail.skipSpace(text, 0);
    if (Tail.has(text, at, tags.open())) {
      state = State.REASONING;
      sent = at + tags.open().length();
    } else if (ended || !Tail.begins(text, at, tags.open())) {
      state = State.CONTENT;
    }
  }

  private void reasoning() {
    if (reasoning.isEmpty()) {
      // A policy may repeat the tag that the template had opened.
      int at = Tail.skipSpace(text, sent);
      for (; Tail.has(text, at, tags.open()); at = Tail.skipSpace(text, sent))
        sent = at + tags.open().length();
      if (!ended && Tail.begins(text, at, tags.open())) return;
      sent = Tail.skipNewlines(text, sent);
    }
    scanned = Math.max(scanned, sent);
    int close = text.indexOf(tags.close(), scanned);
    Place calls = implicitEnd();
    if (close >= 0) {
      think(close);
      sent = close + tags.close().length();
      state = State.CLOSED;
      return;
    }
    if (ended && calls.certain()) {
      think(calls.at());
      sent = calls.at();
      contentStart = sent;
      scanned = sent;
      state = State.CONTENT;
      return;
    }
    int certain = ended ? text.length() : Tail.partial(text, scanned, tags.close());
    scanned = certain;
    think(Math.min(certain, calls.at()));
    if (ended) sent = text.length();
  }

  /// Calls that begin before the reasoning has ended end it, unless a closing tag follows.
  private Place implicitEnd() {
    return format.endsReasoning()
        ? format.find(text, sent, sent, ended)
        : new Place(text.length(), false);
  }

  private void think(int end) {
    int stripped = Tail.beforeNewlines(text, sent, end);
    if (stripped <= sent) return;
    reasoning.append(text, sent, stripped);
    sent = stripped;
  }

  private void closed() {
    while (true) {
      int at = Tail.skipSpace(text, sent);
      if (Tail.has(text, at, tags.close())) {
        sent = at + tags.close().length();
        continue;
      }
      if (!ended && Tail.begins(text, at, tags.close())) return;
      sent = Tail.skipNewlines(text, sent);
      contentStart = sent;
      scanned = sent;
      state = State.CONTENT;
      return;
    }
  }

  private String content() {
    Place calls = format.find(text, scanned, contentStart, ended);
    scanned = calls.at();
    if (sent == contentStart && isBlank(sent, calls.at())) return "";
    return send(calls.at());
  }

  private boolean isBlank(int from, int to) {
    return Tail.skipSpace(text, from) >= to;
  }

  private String send(int end) {
    String content = text.substring(sent, end);
    sent = end;
    return content;
  }

  private Parsed parsed() {
    String thought = reasoning.toString();
    if (state != State.CONTENT) return new Parsed.Answer("", thought);
    String content = text.substring(contentStart);
    Place place = format.find(text, scanned, contentStart, true);
    if (!place.certain()) return new Parsed.Answer(content, thought);
    try {
      Optional<Found> found = new CallReader(format, turn, text).read(place.at(), contentStart);
      if (found.isEmpty()) return new Parsed.Answer(content, thought);
      String before = text.substring(contentStart, found.get().at());
      return new Parsed.Calls(before.isBlank() ? "" : before, found.get().calls(), thought);
    } catch (Unreadable e) {
      return new Parsed.Malformed(content, e.why(), thought);
    }
  }
}
