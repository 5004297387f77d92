package dev.turnstone.bench.gateway;

import dev.turnstone.engine.ModelException;
import dev.turnstone.engine.chat.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// Texts of given lengths in tokens.
final class Texts {
  private static final String[] WORDS = {
    "the", "call", "result", "of", "a", "tool", "is", "not", "defined", "name", "12", "7", "404",
    "value", "try", "again", "compute", "times", "divided", "by", "print", "today", "error", "line"
  };

  private final Tokenizer tokenizer;
  private final Random random = new Random(1);

  private Texts(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  interface Use<T> {
    T with(Texts texts) throws ModelException;
  }

  static <T> T use(Path model, Use<T> use) throws ModelException {
    try (Tokenizer tokenizer = Tokenizer.load(model)) {
      return use.with(new Texts(tokenizer));
    }
  }

  /// A text of that many tokens, or one or two more.
  String of(int tokens) {
    StringBuilder text = new StringBuilder(tokens * 5);
    int have = 0;
    while (have < tokens) {
      StringBuilder more = new StringBuilder();
      for (int i = 0; i < Math.max(1, (tokens - have) / 4); i++)
        more.append(more.isEmpty() && text.isEmpty() ? "" : " ")
            .append(WORDS[random.nextInt(WORDS.length)]);
      text.append(more);
      have = tokenizer.encode(text.toString()).size();
    }
    return text.toString();
  }

  List<String> of(int count, int tokens) {
    List<String> all = new ArrayList<>();
    for (int i = 0; i < count; i++) all.add(of(tokens));
    return all;
  }

  /// The ids of a text, separated by commas.
  String ids(String text) {
    var ids = tokenizer.encode(text);
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < ids.size(); i++) all.append(i == 0 ? "" : ",").append(ids.get(i));
    return all.toString();
  }
}
