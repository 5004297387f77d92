package dev.turnstone.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/// The client's side of the chaos test: one run, and tasks that are submitted until they are in.
final class ChaosRun {
  static final String NAME = "chaos";
  private static final int AHEAD = 64;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final MediaType TYPE = MediaType.get("application/json");
  private static final String ENVIRONMENT =
      "{\"environment\":\"numbers\",\"rewards\":[{\"kind\":\"numeric\"}]}";
  private static final String RUN =
      """
      {"run":"chaos","environment":"numbers","group_size":2,"max_staleness":1,"groups_per_version":16,
       "limits":{"max_turns":1,"max_turn_tokens":16},"stops":{"max_tokens":"train"},
       "sampling":{"seed":7}}\
      """;

  private final OkHttpClient http =
      new OkHttpClient.Builder()
          .connectTimeout(Duration.ofSeconds(2))
          .callTimeout(Duration.ofSeconds(20))
          .build();
  private final List<Integer> ports;
  private final AtomicInteger turn = new AtomicInteger();
  private final AtomicInteger submitted = new AtomicInteger();

  ChaosRun(List<Integer> ports) {
    this.ports = List.copyOf(ports);
  }

  int submitted() {
    return submitted.get();
  }

  /// Registers the environment and makes the run.
  void create() throws InterruptedException {
    post("/v1/environments", ENVIRONMENT);
    post("/v1/runs", RUN);
  }

  /// Submits tasks, a few ahead of what was committed, until it is interrupted.
  void submit(IntSupplier committed) {
    try {
      while (true) {
        if (submitted.get() - committed.getAsInt() >= AHEAD) {
          TimeUnit.MILLISECONDS.sleep(100);
          continue;
        }
        int number = submitted.get();
        post("/v1/runs/%s/groups".formatted(NAME), task(number));
        submitted.incrementAndGet();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// Submits that many tasks and no other.
  void submitAll(int tasks) throws InterruptedException {
    while (submitted.get() < tasks - 1)
      post("/v1/runs/%s/groups".formatted(NAME), task(submitted.getAndIncrement()));
    end();
  }

  /// Finishes the task that was being submitted: its fate must be known.
  void end() throws InterruptedException {
    post("/v1/runs/%s/groups".formatted(NAME), task(submitted.getAndIncrement()));
    post("/v1/runs/%s/end".formatted(NAME), "{}");
  }

  static String name(int number) {
    return "g-" + number;
  }

  private static String task(int number) {
    return """
    {"group":"%s","task":{"messages":[{"role":"user","content":"%d*7"}],"data":{"answer":"%d"}}}\
    """
        .formatted(name(number), number % 90 + 1, (number % 90 + 1) * 7);
  }

  /// Asks every server in turn until one takes it. The same body again is harmless.
  private void post(String path, String body) throws InterruptedException {
    while (true) {
      int port = ports.get(Math.floorMod(turn.getAndIncrement(), ports.size()));
      Request request =
          new Request.Builder()
              .url("http://127.0.0.1:" + port + path)
              .post(RequestBody.create(body, TYPE))
              .build();
      try (Response response = http.newCall(request).execute()) {
        if (response.isSuccessful()) return;
        JsonNode answer = JSON.readTree(response.body().bytes());
        // Another server may not have heard of it yet.
        boolean unheard = String.valueOf(answer).contains("is not registered");
        if (response.code() < 500 && !unheard)
          throw new IllegalStateException(path + " was refused: " + answer);
      } catch (IOException e) {
        // The server is down; another, or the same one later.
        if (Thread.interrupted()) throw new InterruptedException("interrupted: " + e);
      }
      TimeUnit.MILLISECONDS.sleep(200);
    }
  }

  void close() {
    http.dispatcher().executorService().shutdown();
    http.connectionPool().evictAll();
  }
}
