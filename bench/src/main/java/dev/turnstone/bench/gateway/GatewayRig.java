package dev.turnstone.bench.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.engine.ModelException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The server, the engine behind it, and whoever sends it turns; each a process.
final class GatewayRig implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> LOAD_JAVA = List.of("-XX:+UseSerialGC", "-Xmx2g");

  private static final int TEXTS = 16;

  private final GatewayOptions options;
  private final Child stub;
  private final Child server;
  private final int stubPort;
  private final int port;
  private final LoadPlan plan;

  private GatewayRig(
      GatewayOptions options, Child stub, int stubPort, Child server, int port, LoadPlan plan) {
    this.options = options;
    this.stub = stub;
    this.stubPort = stubPort;
    this.server = server;
    this.port = port;
    this.plan = plan;
  }

  /// @param data folder of the server
  static GatewayRig start(GatewayOptions options, Path data) throws IOException, ModelException {
    Path model = Path.of(options.model());
    String said = Texts.use(model, texts -> texts.of(options.maxTokens()));
    String ids = Texts.use(model, texts -> texts.ids(said));
    Child stub =
        Child.java(
            LOAD_JAVA,
            EngineStub.class.getName(),
            ids,
            said,
            Integer.toString(options.perEvent()),
            "0");
    int stubPort = Integer.parseInt(stub.await(EngineStub.PORT));
    List<String> java = new ArrayList<>(List.of(options.java().split(" ", -1)));
    java.add("--add-modules=jdk.incubator.vector");
    Child server =
        Child.java(
            java,
            "dev.turnstone.server.Main",
            "serve",
            "--engine",
            "vllm=http://127.0.0.1:" + stubPort,
            "--tokenizer",
            options.model(),
            "--port",
            "0",
            "--data",
            data.toString());
    int port = URI.create(server.await("listening on ").strip()).getPort();
    awaitReady(port);
    LoadPlan plan =
        Texts.use(
            model,
            texts ->
                new LoadPlan(
                    "turns",
                    "turnstone",
                    port,
                    "default",
                    options.clients(),
                    0,
                    options.seconds(),
                    options.warmup(),
                    options.turns(),
                    options.maxTokens(),
                    texts.of(options.startTokens()),
                    texts.of(TEXTS, options.observationTokens())));
    return new GatewayRig(options, stub, stubPort, server, port, plan);
  }

  private static void awaitReady(int port) throws IOException {
    try (PlainHttp http = new PlainHttp(port, "")) {
      for (int i = 0; i < 600; i++) {
        if (http.get("/ready").status() == 200) return;
        Thread.sleep(100);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw new IOException("the server is not ready");
  }

  GatewayOptions options() {
    return options;
  }

  Child server() {
    return server;
  }

  Child stub() {
    return stub;
  }

  int port() {
    return port;
  }

  int stubPort() {
    return stubPort;
  }

  /// Sessions that grow, each turn as soon as the one before it is answered.
  LoadPlan plan() {
    return plan;
  }

  /// The same with one long prompt each.
  LoadPlan held() throws ModelException {
    int first = options.heldTokens() - options.maxTokens();
    return new LoadPlan(
        "hold",
        plan.gateway(),
        port,
        plan.model(),
        options.sessions(),
        options.holdRate(),
        options.seconds(),
        0,
        1_000_000,
        options.maxTokens(),
        text(first),
        plan.next());
  }

  /// Streams of one short prompt.
  LoadPlan streams() throws IOException {
    return new LoadPlan(
        "stream", "plain", port, plan.model(), 16, 0, 6, 0, 1, 2000, "go", plan.next());
  }

  String text(int tokens) throws ModelException {
    return Texts.use(Path.of(options.model()), texts -> texts.of(tokens));
  }

  /// Runs a load process to its end.
  JsonNode load(LoadPlan what) throws IOException {
    try (Child load = begin(what)) {
      return JSON.readTree(load.await(LoadProcess.RESULT));
    }
  }

  /// Starts a load process.
  Child begin(LoadPlan what) throws IOException {
    return Child.java(LOAD_JAVA, LoadProcess.class.getName(), what.text());
  }

  @Override
  public void close() {
    server.close();
    stub.close();
  }
}
