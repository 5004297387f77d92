package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.Engine;
import dev.turnstone.engine.Retention;

/// Four prompts of 2,048 tokens (or what the context holds), against the floor of their products
/// and KV bytes.
final class PrefillFigure {
  private static final int PROMPTS = 4;
  private static final int TOKENS = 2048;
  private static final int ROUNDS = 6;

  private final Subject subject;
  private final Cores cores;
  private final CopyBandwidth copy;

  PrefillFigure(Subject subject, Cores cores, CopyBandwidth copy) {
    this.subject = subject;
    this.cores = cores;
    this.copy = copy;
  }

  void measure(ObjectNode into) throws Exception {
    int length = Math.min(TOKENS, subject.config().contextLength() - 2);
    double best = Double.POSITIVE_INFINITY;
    try (Engine engine = subject.open((PROMPTS + 1L) * (TOKENS + 32), Retention.ADAPTIVE);
        var floor = new Floor(subject.config(), cores, copy, length, 1)) {
      for (int round = 0; round < ROUNDS; round++) {
        double seconds = round(engine, length, round);
        if (round > 0) best = Math.min(best, seconds);
        floor.sample();
      }
      double kvBytes = (double) length * subject.kvBytesPerToken();
      double floorSeconds = PROMPTS * floor.seconds(kvBytes);
      into.put("prompts", PROMPTS).put("prompt_tokens", length);
      into.put("tokens_per_s", Figure.rounded(PROMPTS * length / best));
      into.put("floor_tokens_per_s", Figure.rounded(PROMPTS * length / floorSeconds));
      into.put("ratio_to_floor", Figure.rounded(floorSeconds / best));
      floor.describe(into, kvBytes);
    }
  }

  private double round(Engine engine, int length, int round) throws Exception {
    try (var load = new Load()) {
      long started = System.nanoTime();
      for (int i = 0; i < PROMPTS; i++)
        load.send(engine, subject.prompt(length, 100L * round + i), 1, i);
      load.awaitAll();
      return (System.nanoTime() - started) / 1e9;
    }
  }
}
