package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.Engine;
import dev.turnstone.engine.Retention;

/// What a long context costs: tokens per second of 16 requests at 256 and at 2,048 tokens.
final class ContextFigure implements Figure {
  private static final int REQUESTS = 16;
  private static final int SHORT = 256;
  private static final int LONG = 2048;
  private static final int STEPS = 40;

  @Override
  public String name() {
    return "context";
  }

  @Override
  public void measure(Subject subject, ObjectNode into) throws Exception {
    int most = Math.min(LONG, subject.config().contextLength() - STEPS - 10);
    try (Engine engine = subject.open(REQUESTS * (LONG + 100L), Retention.ADAPTIVE)) {
      rate(subject, engine, SHORT, 1);
      double brief = rate(subject, engine, SHORT, 2);
      double far = rate(subject, engine, most, 3);
      into.put("requests", REQUESTS).put("long_tokens", most);
      into.put("tokens_per_s_256", Figure.rounded(brief));
      into.put("tokens_per_s_2048", Figure.rounded(far));
      into.put("ratio_2048_to_256", Figure.rounded(far / brief));
    }
  }

  private static double rate(Subject subject, Engine engine, int context, int seed)
      throws Exception {
    try (var load = new Load()) {
      for (int i = 0; i < REQUESTS; i++)
        load.send(engine, subject.prompt(context, 1000L * seed + i), STEPS, i);
      load.awaitAllBegun();
      long before = load.tokens();
      long started = System.nanoTime();
      load.awaitTokens(before + (STEPS - 8L) * REQUESTS);
      double seconds = (System.nanoTime() - started) / 1e9;
      double rate = (load.tokens() - before) / seconds;
      load.awaitAll();
      return rate;
    }
  }
}
