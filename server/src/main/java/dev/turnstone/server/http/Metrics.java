package dev.turnstone.server.http;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.core.metrics.Info;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleConsumer;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/// The server's figures as Prometheus text.
public final class Metrics implements AutoCloseable {
  public static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final JvmGcMetrics gc = new JvmGcMetrics();
  private final List<Supplier<String>> texts = new CopyOnWriteArrayList<>();
  // The registry would look each of them up by all its labels.
  private final Map<Answered, Timer> timers = new ConcurrentHashMap<>();
  private final Map<List<String>, Counter> counters = new ConcurrentHashMap<>();

  /// What requests are counted by.
  private record Answered(String method, String route, int status) {}

  public Metrics() {
    new JvmMemoryMetrics().bindTo(registry);
    gc.bindTo(registry);
  }

  /// A request was answered.
  void answered(Route route, int status, long nanos) {
    timers
        .computeIfAbsent(
            new Answered(route.method().name(), route.path(), status),
            kind ->
                Timer.builder("turnstone.http.requests")
                    .description("Time from the request's head to its last byte")
                    .tag("method", kind.method)
                    .tag("route", kind.route)
                    .tag("status", Integer.toString(kind.status))
                    .register(registry))
        .record(nanos, TimeUnit.NANOSECONDS);
  }

  /// A figure that is read from `source` whenever it is asked for.
  public <T> void gauge(
      String name, String description, T source, ToDoubleFunction<T> value, String... labels) {
    Gauge.builder(name, source, value)
        .description(description)
        .tags(labels)
        .strongReference(true)
        .register(registry);
  }

  /// A figure of `source` that only grows.
  public <T> void counter(
      String name, String description, T source, ToDoubleFunction<T> value, String... labels) {
    FunctionCounter.builder(name, source, value)
        .description(description)
        .tags(labels)
        .register(registry);
  }

  /// A distribution of what is recorded, cumulative over `buckets`. Prometheus' own, because
  /// Micrometer's rounds what it counts up to whole numbers, and most times are below a second.
  ///
  /// @param labels names and values by turns
  public DoubleConsumer histogram(
      String name, String description, List<Double> buckets, String... labels) {
    return Histogram.builder()
            .name(name)
            .help(description)
            .labelNames(half(0, labels))
            .classicOnly()
            .withoutExemplars()
            .classicUpperBounds(buckets.stream().mapToDouble(Double::doubleValue).toArray())
            .register(registry.getPrometheusRegistry())
            .labelValues(half(1, labels))
        ::observe;
  }

  /// What does not change, in the labels of a line `name_info` that is always 1.
  ///
  /// @param labels names and values by turns
  public void info(String name, String description, String... labels) {
    Info.builder()
        .name(name)
        .help(description)
        .labelNames(half(0, labels))
        .register(registry.getPrometheusRegistry())
        .addLabelValues(half(1, labels));
  }

  /// The names of labels, or their values.
  private static String[] half(int first, String[] labels) {
    return IntStream.range(0, labels.length / 2)
        .mapToObj(i -> labels[2 * i + first])
        .toArray(String[]::new);
  }

  /// One more of what is counted under a name and its labels.
  public void count(String name, String description, String... labels) {
    List<String> key = new ArrayList<>(List.of(labels));
    key.add(name);
    counters
        .computeIfAbsent(
            key,
            k -> Counter.builder(name).description(description).tags(labels).register(registry))
        .increment();
  }

  /// Lines that the registry cannot write, such as a histogram whose name ends as a counter's.
  ///
  /// @param lines in Prometheus' text format, each with its end
  public void text(Supplier<String> lines) {
    texts.add(lines);
  }

  public String scrape() {
    StringBuilder all = new StringBuilder(registry.scrape());
    texts.forEach(lines -> all.append(lines.get()));
    return all.toString();
  }

  @Override
  public void close() {
    gc.close();
    registry.close();
  }
}
