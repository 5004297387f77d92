package dev.turnstone.server;

import dev.turnstone.engine.Engine;
import dev.turnstone.engine.EngineStats;
import dev.turnstone.server.http.Metrics;
import java.util.function.ToDoubleFunction;

/// The engine's figures: under our own names, and under those of vLLM that trainers, routers and
/// dashboards already read.
final class EngineMetrics {
  private final Metrics metrics;
  private final Engine engine;

  private EngineMetrics(Metrics metrics, Engine engine) {
    this.metrics = metrics;
    this.engine = engine;
  }

  static void register(Metrics metrics, Engine engine) {
    EngineMetrics all = new EngineMetrics(metrics, engine);
    all.gauge("running", "num_requests_running", "Sequences in the batch", EngineStats::running);
    all.gauge("waiting", "num_requests_waiting", "Sequences that wait", EngineStats::waiting);
    all.gauge("kv_usage", "kv_cache_usage_perc", "KV blocks held, 0 to 1", EngineStats::kvUsage);
    all.counter(
        "prompt_tokens", "prompt_tokens", "Prompt tokens admitted", EngineStats::promptTokens);
    all.counter(
        "generated_tokens", "generation_tokens", "Tokens sampled", EngineStats::generatedTokens);
    all.counter(
        "cached_tokens",
        "prefix_cache_hits",
        "Prompt tokens that were not computed again",
        EngineStats::cachedTokens);
    all.counter("preemptions", "num_preemptions", "Preemptions", EngineStats::preemptions);
    all.own("steps", "Forward passes", EngineStats::steps);
    all.own("recomputed_tokens", "Tokens computed twice", EngineStats::recomputedTokens);
    all.own("weight_updates", "Weight updates", EngineStats::weightUpdates);
    metrics.counter(
        "vllm:prefix_cache_queries",
        "Prompt tokens admitted",
        engine,
        e -> e.stats().promptTokens());
    metrics.gauge(
        "turnstone.engine.weights_version",
        "Version of the weights that serve",
        engine,
        e -> e.weights().version());
  }

  private void gauge(
      String name, String vllm, String description, ToDoubleFunction<EngineStats> value) {
    metrics.gauge(
        "turnstone.engine." + name, description, engine, e -> value.applyAsDouble(e.stats()));
    metrics.gauge("vllm:" + vllm, description, engine, e -> value.applyAsDouble(e.stats()));
  }

  private void counter(
      String name, String vllm, String description, ToDoubleFunction<EngineStats> value) {
    own(name, description, value);
    metrics.counter("vllm:" + vllm, description, engine, e -> value.applyAsDouble(e.stats()));
  }

  private void own(String name, String description, ToDoubleFunction<EngineStats> value) {
    metrics.counter(
        "turnstone.engine." + name, description, engine, e -> value.applyAsDouble(e.stats()));
  }
}
