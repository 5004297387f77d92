package dev.turnstone.engine.chat.tools;

import dev.turnstone.engine.chat.tools.CallReader.Found;
import dev.turnstone.engine.chat.tools.Opening.Place;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser.Parsed;
import dev.turnstone.rollout.ToolCallParser.Turn;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Splits a turn's text into reasoning, content and tool calls while it arrives.
///
/// Reasoning and content are passed on as soon as they are certain: held back is what may turn out
/// to be a tag, and line breaks next to one. From the opening of the calls on all text is held
/// until the end, because only then is it known whether all calls are readable; meanwhile their
/// names and arguments are passed on as far as they are written. However the text is cut into
/// pieces, what was passed on, joined, is the same. Only of calls that turn out to be unreadable
/// more or less may have been passed on: they are content in the end, and void. One per turn; not
/// for several threads at once.
public final class TurnStream {
  private static final int LOOKS = 16;

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

  /// Where the calls begin; −1 while that is not known.
  private int opening = -1;

  /// Length of text at which its calls are looked at again: a sixteenth more each time, so that all
  /// looks together take time that grows with the text.
  private int nextLook;

  /// The names of calls that were passed on, and how much of their arguments.
  private final List<Integer> passedOn = new ArrayList<>();

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

  /// What is certain now, all perhaps empty.
  public record Delta(String reasoning, String content, List<CallPart> calls) {}

  /// More of a call.
  ///
  /// @param number among the calls of the turn
  /// @param first whether its name was not passed on before
  /// @param arguments more of their text
  public record CallPart(int number, boolean first, String id, String name, String arguments) {}

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
    return new Delta(reasoning.substring(thought), content, look());
  }

  /// Whether the turn begins with reasoning that has not ended, or may yet begin with some.
  public boolean inReasoning() {
    return state == State.START || state == State.REASONING;
  }

  private List<CallPart> look() {
    if (opening < 0 || text.length() < nextLook) return List.of();
    nextLook = text.length() + 1 + (text.length() - opening) / LOOKS;
    return parts(new CallReader(format, turn, text, false).begun(opening, contentStart));
  }

  /// What of these calls was not passed on yet.
  private List<CallPart> parts(List<ToolCall> calls) {
    List<CallPart> parts = new ArrayList<>();
    for (int i = 0; i < calls.size(); i++) {
      ToolCall call = calls.get(i);
      boolean first = i == passedOn.size();
      if (first) passedOn.add(0);
      String arguments = call.arguments().text();
      String more = arguments.substring(Math.min(arguments.length(), passedOn.get(i)));
      if (!first && more.isEmpty()) continue;
      passedOn.set(i, arguments.length());
      parts.add(new CallPart(i, first, call.id(), call.name(), more));
    }
    return parts;
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
    List<CallPart> rest = parsed instanceof Parsed.Calls calls ? parts(calls.calls()) : List.of();
    return new End(new Delta(reasoning.substring(thought), content, rest), parsed);
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
    if (calls.certain()) opening = calls.at();
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
      Optional<Found> found =
          new CallReader(format, turn, text, true).read(place.at(), contentStart);
      if (found.isEmpty()) return new Parsed.Answer(content, thought);
      String before = text.substring(contentStart, found.get().at());
      return new Parsed.Calls(before.isBlank() ? "" : before, found.get().calls(), thought);
    } catch (Unreadable e) {
      return new Parsed.Malformed(content, e.why(), thought);
    }
  }
}
