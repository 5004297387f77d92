package dev.turnstone.bench.gateway;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// Gateways from PyPI in front of the same engine, with the same turns: litellm's proxy, and
/// rllm-model-gateway, which records tokens by session.
final class Peers {
  private static final int CLIENTS = 16;

  private final GatewayRig rig;
  private final GatewayOptions options;

  Peers(GatewayRig rig, GatewayOptions options) {
    this.rig = rig;
    this.options = options;
  }

  /// A peer that is not there is `absent` in the figures.
  void run(ObjectNode figures) throws IOException, InterruptedException {
    peer(figures, "litellm", "plain", "/health/liveliness", EngineStub.MODEL);
    peer(figures, "rllm-model-gateway", "rllm", "/health", EngineStub.MODEL);
  }

  private void peer(ObjectNode figures, String program, String gateway, String health, String model)
      throws IOException, InterruptedException {
    String name = program.replace('-', '_');
    Path binary = Path.of(options.venv(), "bin", program);
    if (options.venv().isEmpty() || !Files.isExecutable(binary)) {
      figures.put(name, "absent");
      figures.putNull("ratio_to_" + name);
      return;
    }
    int port = freePort();
    Path work = Files.createTempDirectory("turnstone-peer");
    ProcessBuilder builder = new ProcessBuilder(command(binary, program, port, work));
    File log = work.resolve("log").toFile();
    builder.directory(work.toFile()).redirectErrorStream(true).redirectOutput(log);
    builder.environment().put("LITELLM_LOG", "ERROR");
    builder.environment().put("LITELLM_LOCAL_MODEL_COST_MAP", "True");
    // It has no key here and says that this is for development only.
    builder.environment().put("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true");
    builder
        .environment()
        .put("PATH", binary.getParent() + ":" + System.getenv().getOrDefault("PATH", ""));
    try (Child peer = Child.start(builder)) {
      awaitHealth(peer, port, health, log);
      LoadPlan plan =
          rig.plan()
              .with("turns", Math.min(CLIENTS, options.clients()), 0, options.seconds())
              .at(gateway, port, model)
              .warm(8);
      double theirs = rig.load(plan).get("turns_per_s").asDouble();
      figures.put(name + "_turns_per_s", theirs);
      if (figures.has("turns_per_s"))
        figures.put("ratio_to_" + name, figures.get("turns_per_s").asDouble() / theirs);
    }
  }

  private List<String> command(Path binary, String program, int port, Path work)
      throws IOException {
    String engine = "http://127.0.0.1:" + rig.stubPort();
    if (!program.equals("litellm"))
      return List.of(
          binary.toString(),
          "--host",
          "127.0.0.1",
          "--port",
          Integer.toString(port),
          "--worker",
          engine + "/v1",
          "--db-path",
          work.resolve("traces.db").toString(),
          "--log-level",
          "ERROR");
    Path config = work.resolve("litellm.yaml");
    Files.writeString(
        config,
        """
        model_list:
          - model_name: %s
            litellm_params: { model: openai/%s, api_base: "%s/v1", api_key: none }
        """
            .formatted(EngineStub.MODEL, EngineStub.MODEL, engine));
    return List.of(
        binary.toString(),
        "--config",
        config.toString(),
        "--host",
        "127.0.0.1",
        "--port",
        Integer.toString(port));
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static void awaitHealth(Child peer, int port, String path, File log)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (System.nanoTime() < deadline && peer.isAlive()) {
      try (PlainHttp http = new PlainHttp(port, "")) {
        if (http.get(path).status() == 200) return;
      } catch (IOException e) {
        // Not yet.
      }
      Thread.sleep(200);
    }
    throw new IOException("a peer did not start; its log is " + log);
  }
}
