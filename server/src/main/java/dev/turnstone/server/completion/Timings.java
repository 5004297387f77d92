package dev.turnstone.server.completion;

import dev.turnstone.server.http.Metrics;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleConsumer;

/// How long generations take, and how long they are, under vLLM's names and with its buckets, which
/// trainers, routers and dashboards read.
public final class Timings {
  private static final List<Double> FIRST =
      List.of(
          .001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0,
          40.0, 80.0, 160.0, 640.0, 2560.0);
  private static final List<Double> BETWEEN =
      List.of(
          .001, .0025, .005, .01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1.0, 2.5, 5.0, 7.5,
          10.0, 20.0, 40.0, 80.0);
  private static final List<Double> WHOLE =
      List.of(
          .005, .01, .05, .1, .3, .5, .8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0,
          50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0);
  private static final List<Double> TOKENS =
      List.of(
          1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0,
          20000.0, 50000.0, 100000.0, 200000.0);
  private static final double NANOS = 1e9;

  private final Metrics metrics;
  private final String[] labels;
  private final DoubleConsumer first;
  private final DoubleConsumer between;
  private final DoubleConsumer perToken;
  private final DoubleConsumer whole;
  private final DoubleConsumer queued;
  private final DoubleConsumer prefill;
  private final DoubleConsumer decode;
  private final DoubleConsumer promptTokens;
  private final DoubleConsumer generatedTokens;

  /// Timings of one model's generations.
  public Timings(Metrics metrics, String model) {
    this.metrics = metrics;
    this.labels = labels(model);
    this.first = histogram("time_to_first_token_seconds", "Until the first token", FIRST);
    this.between = histogram("inter_token_latency_seconds", "Between two tokens", BETWEEN);
    this.perToken =
        histogram("request_time_per_output_token_seconds", "Mean time of a token", BETWEEN);
    this.whole = histogram("e2e_request_latency_seconds", "From first to last", WHOLE);
    this.queued = histogram("request_queue_time_seconds", "Until the batch took it", WHOLE);
    this.prefill = histogram("request_prefill_time_seconds", "Computing the prompt", WHOLE);
    this.decode = histogram("request_decode_time_seconds", "From first token to last", WHOLE);
    this.promptTokens = histogram("request_prompt_tokens", "Tokens of a prompt", TOKENS);
    this.generatedTokens = histogram("request_generation_tokens", "Tokens sampled", TOKENS);
  }

  /// vLLM's labels.
  public static String[] labels(String model) {
    return new String[] {"model_name", model, "engine", "0"};
  }

  private DoubleConsumer histogram(String name, String description, List<Double> buckets) {
    return metrics.histogram("vllm:" + name, description, buckets, labels);
  }

  /// The times of one generation. Used by one thread, but for [#admitted].
  final class Clock {
    private final long begun = System.nanoTime();
    private volatile long admitted;
    private long firstAt;
    private long lastAt;

    /// The batch has taken it; on the policy's thread.
    void admitted() {
      if (admitted == 0) admitted = System.nanoTime();
    }

    /// A token was sampled.
    void sampled(long at) {
      if (firstAt == 0) {
        firstAt = at;
        first.accept((at - begun) / NANOS);
      } else {
        between.accept((at - lastAt) / NANOS);
      }
      lastAt = at;
    }

    /// It has ended.
    void ended(Choice choice) {
      int tokens = choice.tokens().size();
      whole.accept((System.nanoTime() - begun) / NANOS);
      promptTokens.accept(choice.ask().prompt().size());
      generatedTokens.accept(tokens);
      if (admitted != 0) queued.accept((admitted - begun) / NANOS);
      if (admitted != 0 && firstAt != 0) prefill.accept((firstAt - admitted) / NANOS);
      if (firstAt != 0) decode.accept((lastAt - firstAt) / NANOS);
      if (tokens > 1) perToken.accept((lastAt - firstAt) / NANOS / (tokens - 1));
      metrics.count(
          "vllm:request_success",
          "Generations that ended",
          "finished_reason",
          choice.finish().orElseThrow().reason().name().toLowerCase(Locale.ROOT),
          labels[0],
          labels[1],
          labels[2],
          labels[3]);
    }
  }
}
