package dev.turnstone.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.bench.stub.StubOptions;
import dev.turnstone.bench.stub.StubProcess;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.upstream.EngineSpec;
import dev.turnstone.upstream.TokenSpace;
import dev.turnstone.upstream.UpstreamConfig;
import dev.turnstone.upstream.UpstreamPolicy;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import okhttp3.ConnectionPool;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.RequestBody;
import okhttp3.Response;

/// What the upstream policy adds to a turn over calling its engine directly, and how many turns a
/// second go through it, with stub engines in processes of their own that answer at once.
final class UpstreamLoad implements Benchmark {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PROMPT = 256;
  private static final int TOKENS = 16;
  private static final int WARM = 2000;
  private static final int TURNS = 2000;
  private static final int AGENTS = 64;
  private static final int STOP = 0;

  private static final Tokens HELD =
      Tokens.of(new java.util.SplittableRandom(3).ints(PROMPT, 33, 127).toArray());

  /// A turn, by whichever way.
  private interface Way {
    void turn() throws Exception;
  }

  @Override
  public String name() {
    return "upstream";
  }

  @Override
  public String summary() {
    return "one turn through the upstream policy over calling its engine directly; turns/s of 64"
        + " agents";
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    if (!arguments.isEmpty()) throw new IllegalArgumentException("there are no arguments");
    try (StubProcess one = StubProcess.start(StubOptions.FAST);
        StubProcess other = StubProcess.start(StubOptions.FAST);
        UpstreamPolicy policy =
            UpstreamPolicy.open(
                UpstreamConfig.of(
                    List.of(
                        EngineSpec.parse("vllm=" + one.url()),
                        EngineSpec.parse("sglang=" + other.url()))),
                new TokenSpace(512, RoutingOnStubs::encode))) {
      OkHttpClient client =
          new OkHttpClient.Builder()
              .connectionPool(new ConnectionPool(AGENTS, 1, TimeUnit.MINUTES))
              .build();
      Way direct = () -> direct(client, one.url());
      AtomicInteger number = new AtomicInteger();
      Way upstream =
          () -> {
            Request request =
                new Request(HELD, Sampling.FULL, TOKENS, Set.of(STOP), Duration.ofMinutes(1))
                    .withConversation("agent-" + number.incrementAndGet() % AGENTS);
            if (policy.generate(request).ids().size() != TOKENS)
              throw new IllegalStateException("a turn was cut");
          };
      time(direct, WARM);
      time(upstream, WARM);
      long[] directly = time(direct, TURNS);
      long[] through = time(upstream, TURNS);
      ObjectNode figures = JSON.createObjectNode();
      figures.put("tokens", TOKENS).put("prompt_tokens", PROMPT);
      figures.put("direct_p50_ms", at(directly, 0.5)).put("direct_p99_ms", at(directly, 0.99));
      figures.put("upstream_p50_ms", at(through, 0.5)).put("upstream_p99_ms", at(through, 0.99));
      figures.put("overhead_p50_ms", at(through, 0.5) - at(directly, 0.5));
      figures.put("overhead_p99_ms", at(through, 0.99) - at(directly, 0.99));
      together(upstream, 10 * TURNS);
      return figures.put("turns_per_s", Math.round(together(upstream, 10 * TURNS)));
    }
  }

  private static long[] time(Way way, int turns) throws Exception {
    long[] nanos = new long[turns];
    for (int i = 0; i < turns; i++) {
      long started = System.nanoTime();
      way.turn();
      nanos[i] = System.nanoTime() - started;
    }
    Arrays.sort(nanos);
    return nanos;
  }

  /// Turns a second of all agents together.
  private static double together(Way way, int turns) throws Exception {
    try (ExecutorService threads =
        Executors.newFixedThreadPool(AGENTS, Thread.ofVirtual().factory())) {
      List<Callable<Boolean>> all = new ArrayList<>();
      for (int i = 0; i < turns; i++)
        all.add(() -> {
          way.turn();
          return true;
        });
      long started = System.nanoTime();
      for (Future<Boolean> one : threads.invokeAll(all)) one.get();
      return turns / ((System.nanoTime() - started) / 1e9);
    }
  }

  private static void direct(OkHttpClient client, String url) throws IOException {
    ObjectNode body = JSON.createObjectNode().put("request_id", "direct").put("stream", true);
    ArrayNode ids = body.putArray("token_ids");
    for (int i = 0; i < PROMPT; i++) ids.add(HELD.get(i));
    ObjectNode params = body.putObject("sampling_params").put("max_tokens", TOKENS);
    params.put("logprobs", 0).putArray("stop_token_ids").add(STOP);
    okhttp3.Request request =
        new okhttp3.Request.Builder()
            .url(url + "/inference/v1/generate")
            .post(RequestBody.create(body.toString(), MediaType.get("application/json")))
            .build();
    int tokens = 0;
    try (Response response = client.newCall(request).execute()) {
      var lines = response.body().source();
      for (String line = lines.readUtf8Line(); line != null; line = lines.readUtf8Line()) {
        if (!line.startsWith("data: {")) continue;
        JsonNode choice = JSON.readTree(line.substring(6)).path("choices").path(0);
        tokens += choice.path("token_ids").size();
      }
    }
    if (tokens != TOKENS) throw new IllegalStateException("the engine gave " + tokens);
  }

  private static double at(long[] sorted, double quantile) {
    return Math.round(sorted[(int) Math.ceil(quantile * sorted.length) - 1] / 1e3) / 1e3;
  }
}
