package dev.turnstone.server;

import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.server.Served.Piece;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// One choice of a completion as it grows: ids become text, text becomes content and tool calls.
/// Used by one thread.
final class Choice {
  private final int index;
  private final ChatRequest request;
  private final Served.Decoder decoder;
  private final Optional<Served.CallReader> reader;
  private final Set<Integer> endIds;
  private final StopStrings stops;

  private final List<Token> tokens = new ArrayList<>();
  private final StringBuilder content = new StringBuilder();
  private final List<ToolCall> calls = new ArrayList<>();
  private List<Token> newTokens = new ArrayList<>();
  private List<Piece> newPieces = new ArrayList<>();
  private Optional<Finish> finish = Optional.empty();
  private int cached;

  /// A choice with nothing generated yet.
  ///
  /// @param endIds ids that end the choice: the format's and the request's
  /// @param turn of the conversation, for call ids
  Choice(int index, ChatRequest request, Served served, Set<Integer> endIds, int turn) {
    this.index = index;
    this.request = request;
    this.endIds = endIds;
    this.decoder = served.texts().decoder();
    this.reader = request.readCalls() ? Optional.of(served.texts().calls(turn)) : Optional.empty();
    this.stops = new StopStrings(request.stops());
  }

  record Token(int id, float logprob, int version) {}

  /// Why it ended; `stop` is the stop string or id, as JSON knows it.
  record Finish(FinishReason reason, Optional<Object> stop) {}

  /// What is new since the last look.
  ///
  /// @param firstCall number of the first tool call among the pieces
  record Delta(List<Token> tokens, List<Piece> pieces, int firstCall) {}

  /// Takes a sampled id; nothing happens once the choice has finished.
  void sampled(Token token) {
    if (finish.isPresent()) return;
    tokens.add(token);
    newTokens.add(token);
    if (endIds.contains(token.id())) return;
    read(stops.push(decoder.push(token.id())));
    if (stops.hit().isPresent())
      finish(new Finish(FinishReason.STOP, stops.hit().map(text -> text)));
  }

  /// The policy has ended it.
  void ended(FinishReason reason, int cachedTokens) {
    cached = cachedTokens;
    if (finish.isPresent()) return;
    read(stops.push(decoder.end()));
    read(stops.end());
    Optional<Object> stop =
        reason == FinishReason.STOP && request.stopIds().contains(lastId())
            ? Optional.of(lastId())
            : stops.hit().map(text -> text);
    finish(new Finish(stops.hit().isPresent() ? FinishReason.STOP : reason, stop));
  }

  private int lastId() {
    return tokens.isEmpty() ? -1 : tokens.getLast().id();
  }

  private void finish(Finish why) {
    finish = Optional.of(why);
    reader.ifPresent(r -> r.end().forEach(this::add));
  }

  private void read(String text) {
    if (text.isEmpty()) return;
    reader.ifPresentOrElse(
        r -> r.push(text).forEach(this::add), () -> add(new Piece.Content(text)));
  }

  private void add(Piece piece) {
    switch (piece) {
      case Piece.Content(String text) when text.isEmpty() -> {}
      case Piece.Content(String text) -> {
        content.append(text);
        newPieces.add(piece);
      }
      case Piece.Call(ToolCall call) -> {
        if (request.oneCall() && !calls.isEmpty()) return;
        calls.add(call);
        newPieces.add(piece);
      }
    }
  }

  /// What is new since this was last asked.
  Delta delta() {
    int newCalls = (int) newPieces.stream().filter(Piece.Call.class::isInstance).count();
    Delta delta = new Delta(newTokens, newPieces, calls.size() - newCalls);
    newTokens = new ArrayList<>();
    newPieces = new ArrayList<>();
    return delta;
  }

  int index() {
    return index;
  }

  String content() {
    return content.toString();
  }

  List<ToolCall> calls() {
    return calls;
  }

  List<Token> tokens() {
    return tokens;
  }

  int cached() {
    return cached;
  }

  /// Empty while it grows.
  Optional<Finish> finish() {
    return finish;
  }

  /// The name of the finish reason on the wire. A call that was cut off is `length`.
  String finishReason() {
    return switch (finish.orElseThrow().reason()) {
      case STOP -> calls.isEmpty() ? "stop" : "tool_calls";
      case LENGTH -> "length";
      case ABORT -> "abort";
    };
  }

  /// Policy version that sampled each id.
  RunLength<Integer> versions() {
    RunLength.Builder<Integer> versions = new RunLength.Builder<>();
    tokens.forEach(token -> versions.add(1, token.version()));
    return versions.build();
  }
}
