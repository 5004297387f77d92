package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.Engine;
import dev.turnstone.engine.EngineStats;
import dev.turnstone.engine.Retention;

/// What putting a step of 256 sequences together costs, and the memory that a cached token takes.
final class SchedulingFigure implements Figure {
  private static final int REQUESTS = 256;
  private static final int PROMPT = 32;
  private static final int GENERATE = 40;

  @Override
  public String name() {
    return "scheduling";
  }

  @Override
  public void measure(Subject subject, ObjectNode into) throws Exception {
    try (Engine engine = subject.open(REQUESTS * (PROMPT + GENERATE + 16L), Retention.ADAPTIVE);
        var load = new Load()) {
      for (int i = 0; i < REQUESTS; i++) load.send(engine, subject.prompt(PROMPT, i), GENERATE, i);
      load.awaitAllBegun();
      EngineStats before = engine.stats();
      load.awaitTokens(load.tokens() + 25L * REQUESTS);
      EngineStats after = engine.stats();
      load.awaitAll();
      double steps = after.steps() - before.steps();
      double nanos = after.times().scheduling() - before.times().scheduling();
      into.put("sequences", REQUESTS);
      into.put("schedule_ms", Figure.rounded(nanos / steps / 1e6));
      double perToken = (double) after.cacheBytes() / ((after.totalBlocks() + 1L) * 16);
      into.put("bytes_per_cached_token", Math.round(perToken));
      into.put("kv_bytes_per_token", subject.kvBytesPerToken());
      into.put("bytes_ratio", Figure.rounded(perToken / subject.kvBytesPerToken()));
    }
  }
}
