package dev.turnstone.server.completion;

import dev.turnstone.engine.chat.IncrementalText;
import dev.turnstone.engine.chat.TaggedToolCallParser;
import dev.turnstone.engine.chat.Tokenizer;
import dev.turnstone.engine.chat.ToolCallStream;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCallParser.Parsed;
import dev.turnstone.server.completion.Served.Piece;
import java.util.ArrayList;
import java.util.List;

/// How a model folder's ids look as text.
public record TokenizerTexts(Tokenizer tokenizer, TaggedToolCallParser parser)
    implements Served.Texts {
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
