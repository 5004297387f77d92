package dev.turnstone.server;

import dev.turnstone.server.http.Metrics;
import dev.turnstone.upstream.EngineStatus;
import dev.turnstone.upstream.UpstreamPolicy;
import java.util.function.ToDoubleFunction;

/// The figures of engines elsewhere, all together; `/v1/engines` has them one by one.
final class UpstreamMetrics {
  private UpstreamMetrics() {}

  static void register(Metrics metrics, UpstreamPolicy policy) {
    gauge(metrics, policy, "serving", "Engines that take turns", e -> e.why().isEmpty() ? 1 : 0);
    gauge(
        metrics,
        policy,
        "out",
        "Engines that were refused or ejected",
        e -> e.why().isEmpty() ? 0 : 1);
    gauge(metrics, policy, "in_flight", "Turns at engines", e -> e.load().inFlight());
    gauge(
        metrics,
        policy,
        "conversations",
        "Conversations that engines hold",
        e -> e.load().conversations());
    gauge(
        metrics,
        policy,
        "concurrency",
        "Turns that engines may have at once",
        e -> e.load().limit());
    metrics.gauge(
        "turnstone.upstream.waiting",
        "Turns that wait for an engine",
        policy,
        UpstreamPolicy::waiting);
    metrics.gauge(
        "turnstone.upstream.kv_usage",
        "Fullest KV cache of any engine, 0 to 1",
        policy,
        p -> p.engines().stream().mapToDouble(EngineStatus::kvUsage).max().orElse(0));
    metrics.counter(
        "turnstone.upstream.ejections",
        "How often an engine was ejected",
        policy,
        p -> sum(p, EngineStatus::ejections));
    metrics.gauge(
        "turnstone.engine.weights_version",
        "Version of the weights that serve",
        policy,
        p -> p.weights().version());
  }

  private static void gauge(
      Metrics metrics,
      UpstreamPolicy policy,
      String name,
      String description,
      ToDoubleFunction<EngineStatus> value) {
    metrics.gauge("turnstone.upstream." + name, description, policy, p -> sum(p, value));
  }

  private static double sum(UpstreamPolicy policy, ToDoubleFunction<EngineStatus> value) {
    return policy.engines().stream().mapToDouble(value).sum();
  }
}
