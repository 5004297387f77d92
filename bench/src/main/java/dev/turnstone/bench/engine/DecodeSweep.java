package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.Engine;
import dev.turnstone.engine.Retention;
import dev.turnstone.rollout.WeightsUpdate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Tokens per second while exactly so many requests decode, sampling included, against the floor.
/// Every few steps the engine stands still and the floor is measured, so both see the same machine.
final class DecodeSweep {
  private static final int STEPS = 12;

  private final Subject subject;
  private final Cores cores;
  private final CopyBandwidth copy;

  DecodeSweep(Subject subject, Cores cores, CopyBandwidth copy) {
    this.subject = subject;
    this.cores = cores;
    this.copy = copy;
  }

  void measure(ArrayNode results) throws Exception {
    Options options = subject.options();
    int most = options.concurrency().stream().mapToInt(Integer::intValue).max().orElseThrow();
    long tokens = most * (options.prompt() + options.generate() + 32L);
    try (Engine engine = subject.open(tokens, Retention.ADAPTIVE)) {
      for (int concurrency : options.concurrency()) warm(engine, concurrency);
      for (int concurrency : options.concurrency())
        measure(engine, concurrency, results.addObject());
    }
  }

  private void warm(Engine engine, int concurrency) throws Exception {
    try (var load = new Load()) {
      for (int i = 0; i < concurrency; i++)
        load.send(engine, subject.prompt(subject.options().prompt(), -1 - i), 16, i);
      load.awaitAll();
    }
  }

  private void measure(Engine engine, int concurrency, ObjectNode into) throws Exception {
    Options options = subject.options();
    var rates = new ArrayList<Double>();
    var reached = new ArrayList<Double>();
    try (var floor = new Floor(subject.config(), cores, copy, concurrency, concurrency);
        var load = new Load()) {
      for (int i = 0; i < 3; i++) floor.sample();
      for (int i = 0; i < concurrency; i++)
        load.send(
            engine,
            subject.prompt(options.prompt(), 1000L * concurrency + i),
            options.generate(),
            i);
      load.awaitAllBegun();
      while (!load.thins()) {
        long before = load.tokens();
        long started = System.nanoTime();
        load.awaitTokens(before + (long) STEPS * concurrency);
        if (load.thins()) break;
        engine.pause(WeightsUpdate.Pause.KEEP);
        double rate = (load.tokens() - before) / ((System.nanoTime() - started) / 1e9);
        double sample = Math.min(floor.sample(), floor.sample());
        double kvBytes =
            (double) load.tokens() * subject.kvBytesPerToken()
                + (double) concurrency * options.prompt() * subject.kvBytesPerToken();
        rates.add(rate);
        reached.add(rate * (sample + floor.kvSeconds(kvBytes)) / concurrency);
        engine.resume();
      }
      load.awaitAll();
      double kvBytes =
          concurrency * (options.prompt() + options.generate() / 2.0) * subject.kvBytesPerToken();
      double best = concurrency / floor.seconds(kvBytes);
      into.put("concurrency", concurrency);
      into.put("decode_tokens_per_s", Figure.rounded(median(rates)));
      into.put("floor_tokens_per_s", Figure.rounded(best));
      into.put("ratio_to_floor", Figure.rounded(median(rates) / best));
      into.put("ratio_to_floor_beside", Figure.rounded(median(reached)));
      into.put("step_ms", Figure.rounded(concurrency / median(rates) * 1e3));
      floor.describe(into, kvBytes);
    }
  }

  private static double median(List<Double> values) {
    if (values.isEmpty()) throw new IllegalArgumentException("--generate is too small to measure");
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
