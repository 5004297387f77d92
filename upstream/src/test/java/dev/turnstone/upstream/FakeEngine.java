package dev.turnstone.upstream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.turnstone.rollout.Tokens;
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
import java.util.stream.IntStream;

/// An engine whose next token is a function of the one before, of its position and of the weights'
/// version, so that a test can tell whether every token is the right one.
final class FakeEngine implements AutoCloseable {
  static final int VOCABULARY = 300;
  static final int STOP = 7;

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

  private static final int CANDIDATES = 4;

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

  private final EngineSpec.Kind kind;
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

  static Tokens encode(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return Tokens.of(IntStream.range(0, bytes.length).map(i -> bytes[i] & 0xff).toArray());
  }

  static List<Integer> candidates(int previous, int position, int version) {
    int first = Math.floorMod(31 * previous + 17 * position + 101 * version, 200);
    return IntStream.range(0, CANDIDATES).mapToObj(i -> 10 + (first + 50 * i) % 280).toList();
  }

  static double[] logprobs(int previous, int position, int version, double temperature) {
    int seed = 7 * previous + 3 * position + 5 * version;
    double[] logits =
        IntStream.range(0, CANDIDATES)
            .mapToDouble(i -> Math.floorMod(seed + 11 * i, 13) / 4.0 / temperature)
            .toArray();
    double sum = Math.log(Arrays.stream(logits).map(Math::exp).sum());
    return Arrays.stream(logits).map(l -> l - sum).toArray();
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
    for (int id : encode(json.path("prompt").asText()).toArray())
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
      if (fault == Fault.SMALL_VOCABULARY && id.asInt() >= VOCABULARY - 10) {
        text(exchange, 400, "{\"error\":{\"message\":\"out of vocabulary\"}}");
        return;
      }
    if (params.has("prompt_logprobs") || body.path("logprob_start_len").asInt(-1) == 0) {
      text(exchange, 200, scores(prompt));
      return;
    }
    String type = fault == Fault.HTML ? "text/html" : "text/event-stream";
    exchange.getResponseHeaders().add("Content-Type", type);
    exchange.sendResponseHeaders(200, 0);
    try (OutputStream out = exchange.getResponseBody()) {
      if (fault == Fault.HTML) write(out, "<html>hello</html>");
      else if (fault != Fault.NOTHING) stream(out, params, prompt, body.path("model").asText());
    } catch (IOException e) {
      gone.countDown();
      throw e;
    }
  }

  /// How probable each id of a prompt is, in the words of the wire that asked.
  private String scores(JsonNode prompt) {
    ObjectNode reply = EngineHttp.JSON.createObjectNode();
    ObjectNode holder = completionsOnly ? reply.putArray("choices").addObject() : reply;
    ArrayNode list =
        kind == EngineSpec.Kind.SGLANG
            ? reply.putObject("meta_info").putArray("input_token_logprobs")
            : holder.putArray("prompt_logprobs");
    for (int i = 0; i < prompt.size(); i++) {
      int id = prompt.path(i).asInt();
      int at = i == 0 ? -1 : candidates(prompt.path(i - 1).asInt(), i, version).indexOf(id);
      double logprob = at < 0 ? -99 : logprobs(prompt.path(i - 1).asInt(), i, version, 1)[at];
      if (kind == EngineSpec.Kind.SGLANG) list.addArray().add(logprob).add(id);
      else list.addObject().putObject(Integer.toString(id)).put("logprob", logprob);
    }
    return reply.toString();
  }

  private void stream(OutputStream out, JsonNode params, JsonNode prompt, String model)
      throws IOException {
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
        write(out, ended(named, i));
        write(out, "data: [DONE]");
        return;
      }
      int version = adapters.getOrDefault(model, this.version);
      int position = prompt.size() + i;
      double temperature = fault == Fault.RAW_LOGPROBS ? 1 : params.path("temperature").asDouble();
      List<Integer> ids = candidates(previous, position, version);
      double[] logprobs = logprobs(previous, position, version, temperature);
      int chosen = 0;
      for (int c = 1; c < CANDIDATES; c++) if (logprobs[c] > logprobs[chosen]) chosen = c;
      previous = ids.get(chosen);
      write(out, event(ids, logprobs, chosen, i, i == most - 1));
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

  /// The last event of a turn that a pause ends.
  private String ended(String named, int tokens) {
    ObjectNode event = EngineHttp.JSON.createObjectNode();
    if (kind == EngineSpec.Kind.SGLANG) {
      event.putArray("output_ids");
      ObjectNode meta = event.putObject("meta_info").put("completion_tokens", tokens);
      meta.putObject("finish_reason").put("type", "abort");
    } else {
      ObjectNode choice = event.putArray("choices").addObject().put("finish_reason", "abort");
      if (namesWeights) spans(choice, named, tokens);
      choice.putArray("token_ids");
      choice.putObject("logprobs").putArray("content");
    }
    return "data: " + event;
  }

  private static void write(OutputStream out, String event) throws IOException {
    out.write((event + "\n\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  private String event(List<Integer> ids, double[] right, int chosen, int index, boolean last) {
    int id = fault == Fault.FOREIGN_IDS && index > 0 ? VOCABULARY + 5 : ids.get(chosen);
    double[] logprobs = Arrays.stream(right).map(l -> fault == Fault.LOGITS ? l + 9 : l).toArray();
    ObjectNode event = EngineHttp.JSON.createObjectNode();
    if (kind == EngineSpec.Kind.SGLANG) sglang(event, ids, logprobs, chosen, index, last);
    else if (completionsOnly) completions(event, ids, logprobs, chosen, last);
    else vllm(event, id, ids, logprobs, chosen, index, last);
    String text = event.toString();
    return "data: " + (fault == Fault.NAN ? text.replaceAll("-?\\d+\\.\\d+", "NaN") : text);
  }

  private static void spans(ObjectNode choice, String named, int tokens) {
    choice.putArray("weight_versions").addObject().put("version", named).put("end", tokens);
  }

  private void vllm(
      ObjectNode event,
      int id,
      List<Integer> ids,
      double[] logprobs,
      int chosen,
      int index,
      boolean last) {
    ObjectNode choice = event.putArray("choices").addObject();
    if (fault == Fault.TEXT_ONLY) {
      choice.put("text", "hello");
      return;
    }
    choice.putArray("token_ids").add(id);
    choice.put("finish_reason", last ? "length" : null);
    if (last && namesWeights) spans(choice, label, index + 1);
    ObjectNode entry = choice.putObject("logprobs").putArray("content").addObject();
    entry.put("token_id", id).put("logprob", logprobs[chosen]);
    ArrayNode tops = entry.putArray("top_logprobs");
    for (int i = 0; i < CANDIDATES; i++)
      tops.addObject().put("token_id", ids.get(i)).put("logprob", logprobs[i]);
  }

  private static void completions(
      ObjectNode event, List<Integer> ids, double[] logprobs, int chosen, boolean last) {
    ObjectNode choice = event.putArray("choices").addObject().put("text", "x");
    choice.putArray("token_ids").add(ids.get(chosen));
    choice.put("finish_reason", last ? "length" : null);
    ObjectNode said = choice.putObject("logprobs");
    said.putArray("token_logprobs").add(logprobs[chosen]);
    ObjectNode tops = said.putArray("top_logprobs").addObject();
    for (int i = 0; i < CANDIDATES; i++) tops.put("token_id:" + ids.get(i), logprobs[i]);
  }

  private void sglang(
      ObjectNode event, List<Integer> ids, double[] lps, int chosen, int index, boolean last) {
    if (fault == Fault.TEXT_ONLY) {
      event.put("text", "hello");
      return;
    }
    event.putArray("output_ids").add(ids.get(chosen));
    ObjectNode meta = event.putObject("meta_info").put("completion_tokens", index + 1);
    if (namesWeights) meta.put("weight_version", label);
    if (last) meta.putObject("finish_reason").put("type", "length");
    else meta.putNull("finish_reason");
    meta.putArray("output_token_logprobs").addArray().add(lps[chosen]).add(ids.get(chosen));
    ArrayNode tops = meta.putArray("output_top_logprobs").addArray();
    for (int i = 0; i < CANDIDATES; i++) tops.addArray().add(lps[i]).add(ids.get(i));
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
