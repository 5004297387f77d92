package dev.turnstone.server;

import dev.turnstone.engine.Engine;
import dev.turnstone.engine.EngineStats;
import dev.turnstone.engine.EngineStats.StepTokens;
import dev.turnstone.engine.Model;
import dev.turnstone.server.completion.Timings;
import dev.turnstone.server.http.Metrics;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/// The engine's figures: under our own names, and under those of vLLM that trainers, routers and
/// dashboards already read.
final class EngineMetrics {
  private final Metrics metrics;
  private final Engine engine;
  private final String[] labels;

  private EngineMetrics(Metrics metrics, Engine engine, String model) {
    this.labels = Timings.labels(model);
    this.metrics = metrics;
    this.engine = engine;
  }

  /// @param model name as clients know it
  static void register(Metrics metrics, Engine engine, String model) {
    EngineMetrics all = new EngineMetrics(metrics, engine, model);
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
        e -> e.stats().promptTokens(),
        all.labels);
    metrics.counter(
        "vllm:prompt_tokens_cached",
        "Prompt tokens that were not computed again",
        engine,
        e -> e.stats().cachedTokens(),
        all.labels);
    metrics.text(() -> iterationTokens(engine.stats().times().tokens(), model));
    all.waiting("capacity", EngineStats::waiting);
    all.waiting("deferred", stats -> 0);
    metrics.info(
        "vllm:cache_config",
        "The KV cache, in its labels",
        "model_name",
        model,
        "engine",
        "0",
        "block_size",
        Integer.toString(Model.BLOCK),
        "num_gpu_blocks",
        Integer.toString(engine.stats().totalBlocks()));
    metrics.gauge(
        "turnstone.engine.weights_version",
        "Version of the weights that serve",
        engine,
        e -> e.weights().version());
  }

  /// vLLM calls a histogram a total, which no library writes.
  private static String iterationTokens(StepTokens tokens, String model) {
    String name = "vllm:iteration_tokens_total";
    String labels = "model_name=\"%s\",engine=\"0\"".formatted(escaped(model));
    StringBuilder text = new StringBuilder();
    text.append("# HELP %s Tokens of a step\n# TYPE %s histogram\n".formatted(name, name));
    long steps = 0;
    for (int i = 0; i < tokens.counts().size(); i++) {
      steps += tokens.counts().get(i);
      String bound = i < StepTokens.BOUNDS.size() ? StepTokens.BOUNDS.get(i) + ".0" : "+Inf";
      text.append("%s_bucket{%s,le=\"%s\"} %d\n".formatted(name, labels, bound, steps));
    }
    text.append("%s_sum{%s} %d\n".formatted(name, labels, tokens.sum()));
    return text.append("%s_count{%s} %d\n".formatted(name, labels, steps)).toString();
  }

  private static String escaped(String label) {
    return label.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }

  private void gauge(
      String name, String vllm, String description, ToDoubleFunction<EngineStats> value) {
    metrics.gauge(
        "turnstone.engine." + name, description, engine, e -> value.applyAsDouble(e.stats()));
    metrics.gauge("vllm:" + vllm, description, engine, e -> value.applyAsDouble(e.stats()), labels);
  }

  private void counter(
      String name, String vllm, String description, ToDoubleFunction<EngineStats> value) {
    own(name, description, value);
    metrics.counter(
        "vllm:" + vllm, description, engine, e -> value.applyAsDouble(e.stats()), labels);
  }

  /// vLLM tells why requests wait: here it is always for room in the batch.
  private void waiting(String reason, ToDoubleFunction<EngineStats> value) {
    metrics.gauge(
        "vllm:num_requests_waiting_by_reason",
        "Sequences that wait, by reason",
        engine,
        e -> value.applyAsDouble(e.stats()),
        Stream.concat(Stream.of(labels), Stream.of("reason", reason)).toArray(String[]::new));
  }

  private void own(String name, String description, ToDoubleFunction<EngineStats> value) {
    metrics.counter(
        "turnstone.engine." + name, description, engine, e -> value.applyAsDouble(e.stats()));
  }
}
