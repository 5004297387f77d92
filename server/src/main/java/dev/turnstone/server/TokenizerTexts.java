package dev.turnstone.server;

import dev.turnstone.engine.chat.IncrementalText;
import dev.turnstone.engine.chat.TaggedToolCallParser;
import dev.turnstone.engine.chat.Tokenizer;
import dev.turnstone.engine.chat.ToolCallStream;
import dev.turnstone.rollout.ToolCallParser.Parsed;
import dev.turnstone.server.Served.Piece;
import java.util.ArrayList;
import java.util.List;

/// How a model folder's ids look as text.
record TokenizerTexts(Tokenizer tokenizer, TaggedToolCallParser parser) implements Served.Texts {
  @Override
  public byte[] bytes(int id) {
    return tokenizer.bytes(id);
  }

  @Override
  public Served.Decoder decoder() {
    IncrementalText text = new IncrementalText(tokenizer);
    return new Served.Decoder() {
      @Override
      public String push(int id) {
        return text.feed(id);
      }

      @Override
      public String end() {
        return text.finish();
      }
    };
  }

  @Override
  public Served.CallReader calls(int turn) {
    ToolCallStream stream = new ToolCallStream(parser, turn);
    return new Served.CallReader() {
      @Override
      public List<Piece> push(String text) {
        return List.of(new Piece.Content(stream.feed(text)));
      }

      @Override
      public List<Piece> end() {
        ToolCallStream.End end = stream.finish();
        List<Piece> pieces = new ArrayList<>(List.of(new Piece.Content(end.content())));
        if (end.parsed() instanceof Parsed.Calls calls)
          calls.calls().forEach(call -> pieces.add(new Piece.Call(call)));
        return pieces;
      }
    };
  }
}
