package dev.turnstone.upstream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.turnstone.upstream.FakeEvents.Sampled;
import dev.turnstone.upstream.wire.EngineHttp;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/// An engine that generates as a [FakeModel] does, and goes wrong as it is told.
final class FakeEngine implements AutoCloseable {
  /// What it does wrong.
  enum Fault {
    NONE,
    RAW_LOGPROBS,
    LOGITS,
    OTHER_TOKENIZER,
    SMALL_VOCABULARY,
    HTML,
    NAN,
    TEXT_ONLY,
    NOTHING,
    REDIRECT,
    FOREIGN_IDS,
    NO_LOAD
  }

  final List<JsonNode> asked = new CopyOnWriteArrayList<>();
  final List<String> control = new CopyOnWriteArrayList<>();

  /// Where the connections of generations come from; each port is one connection.
  final Set<Integer> ports = ConcurrentHashMap.newKeySet();

  final CountDownLatch gone = new CountDownLatch(1);
  final CountDownLatch hanging = new CountDownLatch(1);
  volatile Fault fault = Fault.NONE;
  volatile boolean completionsOnly;

  /// After so many tokens a turn stands still until it is cut.
  volatile int hangAfter = Integer.MAX_VALUE;

  /// Turns that stand still go on.
  volatile boolean released;

  /// After so many tokens a turn's connection breaks, once.
  volatile int breakAfter = Integer.MAX_VALUE;

  /// As vLLM's `/pause` leaves it: what is asked of it is refused until it goes on.
  volatile boolean paused;

  /// Each ends what runs.
  private final AtomicInteger pauses = new AtomicInteger();

  /// So many times its figures break off.
  final AtomicInteger brokenFigures = new AtomicInteger();

  /// What it answers when it is asked how probable the ids of a text are.
  volatile int scoring = 200;

  /// Whether no id that it draws can be drawn, by its own scores.
  volatile boolean impossible;

  /// What happens before it scores a text, and after.
  volatile Runnable beforeScoring = () -> {};

  volatile Runnable afterScoring = () -> {};

  volatile int version;

  /// What it calls its weights, and whether it says so.
  volatile String label = "default";

  volatile boolean namesWeights = true;

  /// Adapters by name, and the version that each is.
  final Map<String, Integer> adapters = new ConcurrentHashMap<>();

  /// What another server writes as the name of its weights while it loads.
  volatile Optional<String> rival = Optional.empty();

  /// Loads until nobody waits for it, and then has loaded nothing.
  volatile boolean loadsForever;

  final CountDownLatch loading = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);

  final EngineSpec.Kind kind;
  private final FakeEvents events = new FakeEvents(this);
  private HttpServer server;

  FakeEngine(EngineSpec.Kind kind) {
    this.kind = kind;
    server = listen(0);
  }

  private HttpServer listen(int port) {
    try {
      HttpServer made =
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
      made.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
      made.createContext("/", this::handle);
      made.start();
      return made;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  EngineSpec spec() {
    return EngineSpec.parse(kind + "=http://127.0.0.1:" + server.getAddress().getPort());
  }

  EngineSpec spec(EngineSpec.WeightsBy weights) {
    return new EngineSpec(kind, spec().url(), Optional.empty(), false, weights);
  }

  private void handle(HttpExchange exchange) throws IOException {
    byte[] body = exchange.getRequestBody().readAllBytes();
    try (exchange) {
      if (fault == Fault.REDIRECT) {
        exchange.getResponseHeaders().add("Location", "http://example.org/");
        exchange.sendResponseHeaders(302, -1);
        return;
      }
      JsonNode json =
          body.length == 0 ? EngineHttp.JSON.createObjectNode() : EngineHttp.JSON.readTree(body);
      answer(exchange, exchange.getRequestURI().getPath(), json);
    }
  }

  private void answer(HttpExchange exchange, String path, JsonNode json) throws IOException {
    JsonNode params = json.path("sampling_params");
    switch (path) {
      case "/health" -> text(exchange, 200, "");
      case "/v1/models" ->
          text(exchange, 200, "{\"data\":[{\"id\":\"fake\",\"max_model_len\":4096}]}");
      case "/tokenize" -> text(exchange, 200, tokenize(json));
      case "/inference/v1/generate" -> {
        if (completionsOnly) text(exchange, 404, "{}");
        else generate(exchange, json, params, json.path("token_ids"));
      }
      case "/v1/completions" -> generate(exchange, json, json, json.path("prompt"));
      case "/generate" -> generate(exchange, json, params, json.path("input_ids"));
      case "/collective_rpc", "/update_weights_from_disk" -> {
        control.add(path);
        if (loadsForever) {
          loading.countDown();
          awaitClosed();
        }
        if (fault != Fault.NO_LOAD) version = number(json.toString());
        label = rival.orElse(json.path("weight_version").asText(label));
        text(exchange, 200, "{\"success\":true}");
      }
      case "/v1/load_lora_adapter", "/load_lora_adapter" -> {
        control.add(path);
        adapters.put(json.path("lora_name").asText(), number(json.path("lora_path").asText()));
        text(exchange, 200, "{\"success\":true}");
      }
      case "/v1/unload_lora_adapter", "/unload_lora_adapter" -> {
        control.add(path);
        adapters.remove(json.path("lora_name").asText());
        text(exchange, 200, "{\"success\":true}");
      }
      case "/weight_info", "/model_info" ->
          text(exchange, namesWeights ? 200 : 404, "{\"weight_version\":\"%s\"}".formatted(label));
      case "/update_weight_version" -> {
        label = json.path("new_version").asText();
        text(exchange, namesWeights ? 200 : 404, "{\"success\":true}");
      }
      case "/pause", "/resume", "/pause_generation", "/continue_generation" -> {
        control.add(path);
        paused = path.startsWith("/pause");
        if (paused) pauses.incrementAndGet();
        text(exchange, 200, "{}");
      }
      case "/metrics" -> {
        if (brokenFigures.getAndDecrement() > 0) throw new IOException("broken on purpose");
        text(exchange, 404, "{}");
      }
      default -> text(exchange, 404, "{}");
    }
  }

  /// The version is the number that the folder's name ends in.
  private static int number(String path) {
    return Integer.parseInt(path.replaceAll(".*/v(\\d+).*", "$1"));
  }

  private String tokenize(JsonNode json) {
    ArrayNode ids = EngineHttp.JSON.createArrayNode();
    for (int id : FakeModel.encode(json.path("prompt").asText()).toArray())
      ids.add(fault == Fault.OTHER_TOKENIZER ? id + 1 : id);
    return EngineHttp.JSON.createObjectNode().set("tokens", ids).toString();
  }

  private static void text(HttpExchange exchange, int status, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    if (bytes.length > 0) exchange.getResponseBody().write(bytes);
  }

  private void generate(HttpExchange exchange, JsonNode body, JsonNode params, JsonNode prompt)
      throws IOException {
    asked.add(body);
    ports.add(exchange.getRemoteAddress().getPort());
    if (paused) {
      text(exchange, 503, "{\"error\":{\"message\":\"paused\"}}");
      return;
    }
    for (JsonNode id : prompt)
      if (fault == Fault.SMALL_VOCABULARY && id.asInt() >= FakeModel.VOCABULARY - 10) {
        text(exchange, 400, "{\"error\":{\"message\":\"out of vocabulary\"}}");
        return;
      }
    if (params.has("prompt_logprobs") || (body.has("logprob_start_len") && !body.has("stream"))) {
      beforeScoring.run();
      String scores = scoring == 200 ? events.scores(body, params, prompt) : "{}";
      afterScoring.run();
      text(exchange, scoring, scores);
      return;
    }
    String type = fault == Fault.HTML ? "text/html" : "text/event-stream";
    exchange.getResponseHeaders().add("Content-Type", type);
    exchange.sendResponseHeaders(200, 0);
    try (OutputStream out = exchange.getResponseBody()) {
      if (fault == Fault.HTML) write(out, "<html>hello</html>");
      else if (fault != Fault.NOTHING) stream(out, body, params, prompt);
    } catch (IOException e) {
      gone.countDown();
      throw e;
    }
  }

  private void stream(OutputStream out, JsonNode body, JsonNode params, JsonNode prompt)
      throws IOException {
    String model = body.path("model").asText();
    JsonNode asked = kind == EngineSpec.Kind.SGLANG ? body : params;
    int most = params.path(params.has("max_tokens") ? "max_tokens" : "max_new_tokens").asInt();
    int previous = prompt.path(prompt.size() - 1).asInt();
    int before = pauses.get();
    String named = label;
    for (int i = 0; i < most; i++) {
      if (most > 1 && i >= breakAfter) {
        breakAfter = Integer.MAX_VALUE;
        throw new IOException("broken on purpose");
      }
      if (most > 1 && i >= hangAfter) hang(out, before);
      if (pauses.get() != before) {
        write(out, events.ended(named, i));
        write(out, "data: [DONE]");
        return;
      }
      int version = adapters.getOrDefault(model, this.version);
      int position = prompt.size() + i;
      double temperature = fault == Fault.RAW_LOGPROBS ? 1 : params.path("temperature").asDouble();
      List<Integer> ids = FakeModel.candidates(previous, position, version);
      double[] logprobs = FakeModel.logprobs(previous, position, version, temperature);
      if (FakeModel.masks(params)) logprobs = FakeModel.masked(logprobs);
      int chosen = FakeModel.best(logprobs);
      previous = ids.get(chosen);
      write(
          out,
          events.event(
              new Sampled(
                  asked, ids, Arrays.stream(logprobs).boxed().toList(), chosen, i, i == most - 1)));
    }
    write(out, "data: [DONE]");
  }

  /// Stands still until it is cut, paused or told to go on.
  private void hang(OutputStream out, int before) throws IOException {
    hanging.countDown();
    while (pauses.get() == before && !released) {
      write(out, ": still here");
      try {
        TimeUnit.MILLISECONDS.sleep(10);
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
    }
  }

  private static void write(OutputStream out, String event) throws IOException {
    out.write((event + "\n\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  private void awaitClosed() throws IOException {
    try {
      closed.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
    throw new IOException("closed");
  }

  /// Dies: nothing listens any more, and every connection breaks.
  void kill() {
    server.stop(0);
  }

  /// Comes back at the same address with the weights that it was started with.
  void restart() {
    version = 0;
    label = "default";
    hangAfter = Integer.MAX_VALUE;
    server = listen(server.getAddress().getPort());
  }

  @Override
  public void close() {
    closed.countDown();
    server.stop(0);
  }
}
