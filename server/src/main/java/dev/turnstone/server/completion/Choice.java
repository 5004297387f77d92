package dev.turnstone.server.completion;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser.Turn;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.server.completion.Served.Piece;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// One choice of a completion as it grows: ids become text, text becomes content and tool calls.
/// Used by one thread.
public final class Choice {
  private final int index;
  private final int number;
  private final Ask ask;
  private final Optional<Served.Decoder> decoder;
  private final Optional<Served.MessageReader> reader;
  private final Set<Integer> endIds;
  private final StopStrings stops;

  private final List<Token> tokens = new ArrayList<>();
  private final StringBuilder reasoning = new StringBuilder();
  private final StringBuilder content = new StringBuilder();
  private final List<ToolCall> calls = new ArrayList<>();

  /// Calls as far as they were passed on.
  private final List<ToolCall> begun = new ArrayList<>();

  private List<Piece> newPieces = new ArrayList<>();
  private int seenTokens;
  private int reasoningTokens;
  private Optional<Finish> finish = Optional.empty();
  private Optional<String> unreadable = Optional.empty();
  private int cached;
  private String lineage = "";
  private boolean mixedKv;
  private boolean constrained;
  private Optional<PromptLogprobs> prompt = Optional.empty();

  /// A choice with nothing generated yet.
  ///
  /// @param number among the choices of its prompt
  /// @param endIds ids that end the choice: the format's and the request's
  Choice(int index, int number, Ask ask, Served served, Set<Integer> endIds) {
    this.index = index;
    this.number = number;
    this.ask = ask;
    this.endIds = endIds;
    this.decoder =
        switch (ask.reading()) {
          case Reading.Ids() -> Optional.empty();
          case Reading.Text(boolean skipSpecial) ->
              Optional.of(served.texts().decoder(skipSpecial));
          case Reading.Message message ->
              Optional.of(served.texts().decoder(skipsSpecial(message, served)));
        };
    this.reader =
        ask.reading() instanceof Reading.Message message
            ? Optional.of(served.texts().message(turn(message, ask, served)))
            : Optional.empty();
    this.stops = new StopStrings(ask.ends().strings(), ask.ends().keepString());
  }

  /// Tool calls and reasoning may be written in special tokens.
  private static boolean skipsSpecial(Reading.Message message, Served served) {
    return message.skipSpecial() && message.tools().isEmpty() && !served.texts().thinks();
  }

  private static Turn turn(Reading.Message message, Ask ask, Served served) {
    String before = served.format().text(ask.prompt().tail(Turn.TOKENS_BEFORE));
    return new Turn(before, "", message.turn(), message.tools());
  }

  /// A sampled id.
  ///
  /// @param top the most probable ids beside it, if asked for
  public record Token(int id, float logprob, int version, TopLogprobs top) {}

  /// Why it ended; `stop` is the stop string or id, as JSON knows it.
  public record Finish(FinishReason reason, Optional<Object> stop) {}

  /// What is new since the last look.
  public record Delta(List<Token> tokens, List<Piece> pieces) {
    /// The text among the pieces.
    public String content() {
      if (pieces.size() == 1 && pieces.getFirst() instanceof Piece.Content(String text))
        return text;
      StringBuilder text = new StringBuilder();
      for (Piece piece : pieces) if (piece instanceof Piece.Content(String part)) text.append(part);
      return text.toString();
    }

    /// The reasoning among the pieces.
    public String reasoning() {
      StringBuilder text = new StringBuilder();
      for (Piece piece : pieces)
        if (piece instanceof Piece.Reasoning(String part)) text.append(part);
      return text.toString();
    }
  }

  /// Takes a sampled id; nothing happens once the choice has finished.
  void sampled(Token token) {
    if (finish.isPresent()) return;
    tokens.add(token);
    if (decoder.isEmpty() || endIds.contains(token.id())) return;
    if (reader.isPresent() && reader.get().inReasoning()) reasoningTokens = tokens.size();
    read(stops.push(decoder.get().push(token.id())));
    if (stops.hit().isPresent())
      finish(new Finish(FinishReason.STOP, stops.hit().map(text -> text)));
  }

  /// The policy has ended it with everything it had to say.
  void ended(Generation generation) {
    cached = generation.cachedTokens();
    prompt = generation.prompt();
    mixedKv = generation.mixedKv();
    constrained = generation.constrained();
    ended(generation.finish(), generation.lineage());
  }

  /// It has ended, with the ids so far.
  ///
  /// @param of the weights that sampled them
  void ended(FinishReason reason, String of) {
    lineage = of;
    if (finish.isPresent()) return;
    decoder.ifPresent(d -> read(stops.push(d.end())));
    read(stops.end());
    Optional<Object> stop =
        reason == FinishReason.STOP && ask.ends().ids().contains(lastId())
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
    if (reader.isPresent()) reader.get().push(text).forEach(this::add);
    else add(new Piece.Content(text));
  }

  private void add(Piece piece) {
    switch (piece) {
      case Piece.Content(String text) when text.isEmpty() -> {}
      case Piece.Content(String text) -> {
        content.append(text);
        newPieces.add(piece);
      }
      case Piece.Reasoning(String text) -> {
        reasoning.append(text);
        newPieces.add(piece);
      }
      case Piece.Unreadable(String why) -> unreadable = Optional.of(why);
      case Piece.CallPart part -> {
        if (oneCall() && part.number() > 0) return;
        begin(part);
        newPieces.add(piece);
      }
      case Piece.Call(ToolCall call) -> {
        if (oneCall() && !calls.isEmpty()) return;
        calls.add(call);
        newPieces.add(piece);
      }
    }
  }

  private boolean oneCall() {
    return ask.reading() instanceof Reading.Message message && message.oneCall();
  }

  private void begin(Piece.CallPart part) {
    String before = part.first() ? "" : begun.removeLast().arguments().text();
    begun.add(new ToolCall(part.id(), part.name(), new Json(before + part.arguments())));
  }

  /// What is new since this was last asked.
  public Delta delta() {
    Delta delta = new Delta(tokens.subList(seenTokens, tokens.size()), newPieces);
    seenTokens = tokens.size();
    newPieces = new ArrayList<>();
    return delta;
  }

  public int index() {
    return index;
  }

  /// Its place among the choices of its prompt.
  public int number() {
    return number;
  }

  /// What was asked for.
  public Ask ask() {
    return ask;
  }

  /// What the policy thought before it spoke; empty if it did not.
  public String reasoning() {
    return reasoning.toString();
  }

  /// How many of the sampled tokens are its reasoning, tags included.
  public int reasoningTokens() {
    return reasoning.isEmpty() ? 0 : reasoningTokens;
  }

  /// Why what was meant as a tool call is among the content.
  public Optional<String> unreadable() {
    return unreadable;
  }

  public String content() {
    return content.toString();
  }

  public List<ToolCall> calls() {
    return calls;
  }

  public List<Token> tokens() {
    return tokens;
  }

  /// Prompt tokens that were not computed again.
  public int cached() {
    return cached;
  }

  /// Scores of the prompt's ids, once it has ended, if asked for.
  public Optional<PromptLogprobs> promptLogprobs() {
    return prompt;
  }

  /// Empty while it grows.
  public Optional<Finish> finish() {
    return finish;
  }

  /// The name of the finish reason on OpenAI's wires. A call that was cut off is `length`.
  public String finishReason() {
    return switch (finish.orElseThrow().reason()) {
      case STOP -> calls.isEmpty() ? "stop" : "tool_calls";
      case LENGTH -> "length";
      case ABORT -> "abort";
    };
  }

  /// All that was sampled and is part of the choice; once it has ended.
  public Generation generation() {
    int[] ids = new int[tokens.size()];
    float[] logprobs = new float[tokens.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = tokens.get(i).id();
      logprobs[i] = tokens.get(i).logprob();
    }
    return new Generation(
        Tokens.of(ids),
        Logprobs.of(logprobs),
        versions(),
        lineage,
        finish.orElseThrow().reason(),
        cached,
        mixedKv,
        constrained,
        List.of(),
        Optional.empty());
  }

  /// What it says, as a client reads it and sends it back.
  public Message.Assistant message() {
    return new Message.Assistant(content(), calls, reasoning());
  }

  /// The same as the reader of a stream has it, who has heard of calls that turned out to be
  /// unreadable; empty if there is no difference.
  public Optional<Message.Assistant> heard() {
    return begun.isEmpty() || !calls.isEmpty()
        ? Optional.empty()
        : Optional.of(new Message.Assistant(content(), begun, reasoning()));
  }

  /// Policy version that sampled each id.
  public RunLength<Integer> versions() {
    RunLength.Builder<Integer> versions = new RunLength.Builder<>();
    tokens.forEach(token -> versions.add(1, token.version()));
    return versions.build();
  }
}
