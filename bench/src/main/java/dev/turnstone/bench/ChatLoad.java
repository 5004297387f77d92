package dev.turnstone.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/// Streams chat completions from a server under a closed loop of clients: throughput, time to the
/// first token, time between tokens.
final class ChatLoad implements Benchmark {
  private static final ObjectMapper JSON = new ObjectMapper();

  /// One completion as its client saw it, times in nanoseconds.
  private record Seen(long first, long last, int tokens) {}

  @Override
  public String name() {
    return "chat-load";
  }

  @Override
  public String summary() {
    return "URL CLIENTS REQUESTS MAX_TOKENS: streamed chat completions of a running server";
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    if (arguments.size() != 4) throw new IllegalArgumentException("arguments are " + summary());
    HttpUrl url =
        HttpUrl.get(arguments.get(0)).newBuilder().encodedPath("/v1/chat/completions").build();
    int clients = positive("CLIENTS", arguments.get(1));
    int requests = positive("REQUESTS", arguments.get(2));
    int maxTokens = positive("MAX_TOKENS", arguments.get(3));
    OkHttpClient http = new OkHttpClient.Builder().readTimeout(Duration.ofMinutes(5)).build();
    complete(http, url, maxTokens, 0);
    long started = System.nanoTime();
    List<Seen> seen = load(http, url, clients, requests, maxTokens);
    double seconds = (System.nanoTime() - started) / 1e9;
    http.connectionPool().evictAll();
    return figures(seen, seconds).put("clients", clients).put("max_tokens", maxTokens);
  }

  private static int positive(String name, String text) {
    try {
      int value = Integer.parseInt(text);
      if (value > 0) return value;
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new IllegalArgumentException(name + " must be an integer above 0, but is " + text);
  }

  private static List<Seen> load(
      OkHttpClient http, HttpUrl url, int clients, int requests, int maxTokens) throws Exception {
    try (ExecutorService threads =
        Executors.newFixedThreadPool(clients, Thread.ofVirtual().factory())) {
      List<Callable<Seen>> calls = new ArrayList<>();
      for (int i = 0; i < requests; i++) {
        int seed = i;
        calls.add(() -> complete(http, url, maxTokens, seed));
      }
      List<Seen> seen = new ArrayList<>();
      for (Future<Seen> call : threads.invokeAll(calls)) seen.add(call.get());
      return seen;
    }
  }

  private static Seen complete(OkHttpClient http, HttpUrl url, int maxTokens, int seed)
      throws IOException {
    ObjectNode body = JSON.createObjectNode().put("stream", true).put("seed", seed);
    body.put("max_tokens", maxTokens).put("return_token_ids", true);
    body.putArray("messages").addObject().put("role", "user").put("content", "What is 6 * 7?");
    RequestBody sent = RequestBody.create(body.toString(), MediaType.get("application/json"));
    long started = System.nanoTime();
    try (Response response =
        http.newCall(new Request.Builder().url(url).post(sent).build()).execute()) {
      if (!response.isSuccessful())
        throw new IllegalArgumentException("the server answered " + response.body().string());
      var lines = response.body().source();
      long first = 0;
      int tokens = 0;
      for (String line = lines.readUtf8Line(); line != null; line = lines.readUtf8Line()) {
        if (!line.startsWith("data: {")) continue;
        JsonNode ids = JSON.readTree(line.substring(6)).at("/choices/0/token_ids");
        if (first == 0 && !ids.isEmpty()) first = System.nanoTime() - started;
        tokens += ids.size();
      }
      return new Seen(first, System.nanoTime() - started, tokens);
    }
  }

  private static ObjectNode figures(List<Seen> seen, double seconds) {
    int tokens = seen.stream().mapToInt(Seen::tokens).sum();
    long[] first = seen.stream().mapToLong(Seen::first).sorted().toArray();
    long[] between =
        seen.stream()
            .filter(s -> s.tokens() > 1)
            .mapToLong(s -> (s.last() - s.first()) / (s.tokens() - 1))
            .sorted()
            .toArray();
    return JSON.createObjectNode()
        .put("requests", seen.size())
        .put("tokens", tokens)
        .put("seconds", seconds)
        .put("requests_per_s", seen.size() / seconds)
        .put("tokens_per_s", tokens / seconds)
        .put("first_token_p50_ms", millis(first, 0.5))
        .put("first_token_p95_ms", millis(first, 0.95))
        .put("between_tokens_p50_ms", millis(between, 0.5))
        .put("between_tokens_p95_ms", millis(between, 0.95));
  }

  private static double millis(long[] sorted, double quantile) {
    if (sorted.length == 0) return 0;
    return sorted[(int) Math.ceil(quantile * sorted.length) - 1] / 1e6;
  }
}
