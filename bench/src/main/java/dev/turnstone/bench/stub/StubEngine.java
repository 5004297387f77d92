package dev.turnstone.bench.stub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.rollout.Tokens;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/// A process that answers like an engine: `/inference/v1/generate`, `/generate`, pauses, weights
/// from disk, health and figures, all on one event loop. Ends when its standard input does.
public final class StubEngine {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final double STARTED = System.currentTimeMillis() / 1000.0;

  private final Vertx vertx;
  private final StubOptions options;
  private final StubModel model;
  private final StubCache cache;
  private final ArrayDeque<StubTurn> queued = new ArrayDeque<>();
  private final Set<StubTurn> running = new HashSet<>();
  private int version;
  private String label = "default";
  private boolean paused;
  private long prefillFree = System.nanoTime();
  private long prompted;
  private long hit;
  private long generated;

  private StubEngine(Vertx vertx, StubOptions options) {
    this.vertx = vertx;
    this.options = options;
    model = new StubModel(options.from(), options.to());
    cache = new StubCache(options.cacheTokens());
  }

  /// Serves until its standard input ends; prints its port first.
  public static void main(String[] args) throws Exception {
    StubOptions options = StubOptions.parse(args[0]);
    Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
    StubEngine engine = new StubEngine(vertx, options);
    HttpServer server =
        vertx
            .createHttpServer(
                new HttpServerOptions()
                    .setHost("127.0.0.1")
                    .setAcceptBacklog(4096)
                    .setMaxFormAttributeSize(1 << 26)
                    .setTcpNoDelay(true))
            .requestHandler(engine::handle);
    server
        .listen(options.port())
        .toCompletionStage()
        .toCompletableFuture()
        .get(30, TimeUnit.SECONDS);
    System.out.println(server.actualPort());
    while (System.in.read() >= 0) {}
    System.exit(0);
  }

  private void handle(HttpServerRequest request) {
    request.bodyHandler(body -> {
      try {
        answer(request, body);
      } catch (IOException | RuntimeException e) {
        request.response().setStatusCode(400).end("{\"error\":{\"message\":\"" + e + "\"}}");
      }
    });
  }

  private void answer(HttpServerRequest request, Buffer body) throws IOException {
    HttpServerResponse response = request.response();
    switch (String.valueOf(request.path())) {
      case "/inference/v1/generate" -> vllm(JSON.readTree(body.getBytes()), response);
      case "/generate" -> sglang(JSON.readTree(body.getBytes()), response);
      case "/health" -> response.end();
      case "/metrics" -> response.end(metrics());
      case "/v1/models" ->
          json(
              response,
              "{\"object\":\"list\",\"data\":[{\"id\":\"stub\",\"max_model_len\":%d}]}"
                  .formatted(options.contextLength()));
      case "/tokenize" ->
          json(response, tokens(JSON.readTree(body.getBytes()).path("prompt").asText()));
      case "/pause" -> pause(request.getParam("mode", "abort"), response);
      case "/pause_generation" ->
          pause(JSON.readTree(body.getBytes()).path("mode").asText(), response);
      case "/resume", "/continue_generation" -> resume(response);
      case "/collective_rpc", "/update_weights_from_disk" ->
          load(JSON.readTree(body.getBytes()), response);
      case "/update_weight_version" -> {
        label = JSON.readTree(body.getBytes()).path("new_version").asText();
        json(response, "{\"success\":true}");
      }
      case "/weight_info", "/model_info" ->
          json(response, "{\"weight_version\":\"%s\"}".formatted(label));
      case "/reset_prefix_cache", "/flush_cache" -> {
        cache.clear();
        json(response, "{\"success\":true}");
      }
      case "/abort_requests", "/abort_request" -> json(response, "{\"status\":\"aborted\"}");
      case "/crash" -> Runtime.getRuntime().halt(137);
      default -> response.setStatusCode(404).end("{\"detail\":\"Not Found\"}");
    }
  }

  private static void json(HttpServerResponse response, String text) {
    response.putHeader("Content-Type", "application/json").end(text);
  }

  /// Its tokenizer's ids are the bytes.
  private static String tokens(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int[] ids = IntStream.range(0, bytes.length).map(i -> bytes[i] & 0xff).toArray();
    return "{\"tokens\":%s}".formatted(Arrays.toString(ids));
  }

  private void vllm(JsonNode body, HttpServerResponse response) {
    JsonNode params = body.path("sampling_params");
    begin(
        new StubTurn.Wanted(
            false,
            body.path("request_id").asText(),
            StubTurn.ids(body.path("token_ids")),
            params.path("max_tokens").asInt(16),
            params.path("temperature").asDouble(1),
            params.path("seed").asLong(ThreadLocalRandom.current().nextLong()),
            params.path("stop_token_ids").path(0).asInt(-1),
            params.path("logprobs").asInt(0),
            body.path("cache_salt").asText("").hashCode()),
        response);
  }

  private void sglang(JsonNode body, HttpServerResponse response) {
    JsonNode params = body.path("sampling_params");
    begin(
        new StubTurn.Wanted(
            true,
            body.path("rid").asText(),
            StubTurn.ids(body.path("input_ids")),
            params.path("max_new_tokens").asInt(128),
            params.path("temperature").asDouble(1),
            params.path("sampling_seed").asLong(ThreadLocalRandom.current().nextLong()),
            params.path("stop_token_ids").path(0).asInt(-1),
            body.path("top_logprobs_num").asInt(0),
            body.path("extra_key").asText("").hashCode()),
        response);
  }

  private void begin(StubTurn.Wanted wanted, HttpServerResponse response) {
    for (int id : wanted.prompt().toArray())
      if (id < 0 || id >= options.vocabulary()) {
        response
            .setStatusCode(400)
            .end("{\"error\":{\"message\":\"Token id %d is out of vocabulary\"}}".formatted(id));
        return;
      }
    StubTurn turn = new StubTurn(wanted, response, model, options);
    response.exceptionHandler(_ -> leave(turn));
    response.closeHandler(_ -> leave(turn));
    queued.add(turn);
    admit();
  }

  private void leave(StubTurn turn) {
    turn.gone = true;
    queued.remove(turn);
    if (running.remove(turn)) admit();
  }

  private void admit() {
    while (!paused && running.size() < options.capacity() && !queued.isEmpty()) {
      StubTurn turn = queued.poll();
      running.add(turn);
      Tokens prompt = turn.wanted.prompt();
      turn.cached = cache.enter(prompt, turn.wanted.salt());
      prompted += prompt.size();
      hit += turn.cached;
      long micros = (long) (prompt.size() - turn.cached) * options.prefillMicros();
      turn.response.putHeader("Content-Type", "text/event-stream; charset=utf-8").setChunked(true);
      // Prompts are computed one after the other, as on one GPU.
      prefillFree = Math.max(System.nanoTime(), prefillFree) + 1000 * micros;
      long wait = (prefillFree - System.nanoTime()) / 1_000_000;
      if (wait < 1) start(turn);
      else vertx.setTimer(wait, _ -> start(turn));
    }
  }

  private void start(StubTurn turn) {
    turn.begin(System.nanoTime());
    if (options.tokenMicros() == 0) run(turn);
    else vertx.setTimer(tick(), _ -> run(turn));
  }

  /// Milliseconds between two looks at what is due.
  private int tick() {
    return Math.max(1, options.tokenMicros() / 1000);
  }

  /// Writes tokens: all at once, or as many as are due every few milliseconds.
  private void run(StubTurn turn) {
    if (turn.gone) return;
    if (paused) {
      vertx.setTimer(5, _ -> run(turn));
      return;
    }
    int due = turn.due(System.nanoTime(), options.tokenMicros());
    StringBuilder events = new StringBuilder();
    while (turn.generated() < due && !turn.done()) {
      events.append(turn.step(version, label));
      generated++;
    }
    if (turn.done()) {
      cache.enter(turn.held(), turn.wanted.salt());
      turn.response.end(events.append(turn.end()).toString());
      leave(turn);
    } else {
      if (!events.isEmpty()) turn.response.write(events.toString());
      vertx.setTimer(tick(), _ -> run(turn));
    }
  }

  private void pause(String mode, HttpServerResponse response) {
    paused = true;
    if (mode.isEmpty() || mode.equals("abort"))
      for (StubTurn turn : List.copyOf(running)) {
        turn.response.end(turn.aborted());
        leave(turn);
      }
    json(response, "{\"status\":\"paused\"}");
  }

  private void resume(HttpServerResponse response) {
    paused = false;
    admit();
    json(response, "{\"status\":\"resumed\"}");
  }

  /// The version is the number that the folder's name ends in.
  private void load(JsonNode body, HttpServerResponse response) {
    String path =
        body.path("model_path").asText(body.path("kwargs").path("weights_path").asText(""));
    String digits = path.replaceFirst(".*?(\\d+)/?$", "$1");
    if (!digits.matches("\\d+")) {
      response.setStatusCode(400).end("{\"success\":false,\"message\":\"no version in the path\"}");
      return;
    }
    version = Integer.parseInt(digits);
    label = body.path("weight_version").asText(label);
    json(response, "{\"success\":true,\"message\":\"loaded\",\"results\":[null]}");
  }

  private String metrics() {
    double used = running.stream().mapToInt(StubTurn::length).sum();
    return """
    vllm:kv_cache_usage_perc{engine="0"} %f
    vllm:num_preemptions_total{engine="0"} 0
    vllm:num_requests_running{engine="0"} %d
    vllm:num_requests_waiting{engine="0"} %d
    vllm:prefix_cache_queries_total{engine="0"} %d
    vllm:prefix_cache_hits_total{engine="0"} %d
    vllm:generation_tokens_total{engine="0"} %d
    process_start_time_seconds %f
    """
        .formatted(
            Math.min(1, used / Math.max(1, options.cacheTokens())),
            running.size(),
            queued.size(),
            prompted,
            hit,
            generated,
            STARTED);
  }
}
