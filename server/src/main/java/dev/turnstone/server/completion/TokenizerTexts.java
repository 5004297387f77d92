package dev.turnstone.server.completion;

import dev.turnstone.engine.chat.IncrementalText;
import dev.turnstone.engine.chat.Tokenizer;
import dev.turnstone.engine.chat.tools.TurnParser;
import dev.turnstone.engine.chat.tools.TurnStream;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCallParser.Parsed;
import dev.turnstone.rollout.ToolCallParser.Turn;
import dev.turnstone.server.completion.Served.Piece;
import java.util.ArrayList;
import java.util.List;

/// How a model folder's ids look as text.
public record TokenizerTexts(Tokenizer tokenizer, TurnParser parser) implements Served.Texts {
  @Override
  public byte[] bytes(int id) {
    return tokenizer.bytes(id);
  }

  @Override
  public boolean special(int id) {
    return tokenizer.isSpecial(id);
  }

  @Override
  public Tokens encode(String text, boolean addSpecial) {
    return tokenizer.encode(text, addSpecial);
  }

  @Override
  public Served.Decoder decoder(boolean skipSpecial) {
    IncrementalText text = new IncrementalText(tokenizer);
    return new Served.Decoder() {
      @Override
      public String push(int id) {
        return skipSpecial && tokenizer.isSpecial(id) ? "" : text.feed(id);
      }

      @Override
      public String end() {
        return text.finish();
      }
    };
  }

  @Override
  public boolean thinks() {
    return parser.readsReasoning();
  }

  @Override
  public Served.MessageReader message(Turn turn) {
    TurnStream stream = (turn.tools().isEmpty() ? parser.withoutCalls() : parser).stream(turn);
    return new Served.MessageReader() {
      @Override
      public List<Piece> push(String text) {
        return pieces(stream.feed(text));
      }

      @Override
      public boolean inReasoning() {
        return stream.inReasoning();
      }

      @Override
      public List<Piece> end() {
        TurnStream.End end = stream.finish();
        List<Piece> pieces = new ArrayList<>(pieces(end.delta()));
        switch (end.parsed()) {
          case Parsed.Answer _ -> {}
          case Parsed.Calls calls ->
              calls.calls().forEach(call -> pieces.add(new Piece.Call(call)));
          case Parsed.Malformed malformed -> pieces.add(new Piece.Unreadable(malformed.why()));
        }
        return pieces;
      }
    };
  }

  private static List<Piece> pieces(TurnStream.Delta delta) {
    Piece content = new Piece.Content(delta.content());
    if (delta.reasoning().isEmpty() && delta.calls().isEmpty()) return List.of(content);
    List<Piece> pieces = new ArrayList<>();
    if (!delta.reasoning().isEmpty()) pieces.add(new Piece.Reasoning(delta.reasoning()));
    pieces.add(content);
    for (TurnStream.CallPart part : delta.calls())
      pieces.add(
          new Piece.CallPart(
              part.number(), part.first(), part.id(), part.name(), part.arguments()));
    return pieces;
  }
}
