package dev.turnstone.bench.gateway;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/// Gateways from PyPI in front of the same engine, with the same turns. Those that record tokens
/// are asked, before they are measured, for what they recorded of a call.
final class Peers {
  private static final int CLIENTS = 16;

  private final GatewayRig rig;
  private final GatewayOptions options;
  private final Path bin;

  Peers(GatewayRig rig, GatewayOptions options) {
    this.rig = rig;
    this.options = options;
    this.bin = Path.of(options.venv(), "bin");
  }

  /// Measures all that were asked for; one that cannot be is named with the reason, and has no
  /// ratio. `ratio_to_token_gateway` is to the fastest of those that record tokens.
  void run(ObjectNode figures) throws InterruptedException {
    ArrayNode peers = figures.putArray("peers");
    double fastest = 0;
    for (String name : options.peers()) {
      Peer peer = Peer.named(name);
      ObjectNode seen = peers.addObject().put("name", name);
      seen.put("records_tokens", peer.recordsTokens());
      try {
        seen.put("version", version(peer));
        double theirs = turnsPerSecond(peer);
        seen.put("turns_per_s", theirs);
        if (!figures.has("turns_per_s")) continue;
        double ours = figures.get("turns_per_s").asDouble();
        figures.put("ratio_to_" + peer.key(), ours / theirs);
        if (!peer.recordsTokens() || theirs < fastest) continue;
        fastest = theirs;
        figures.put("ratio_to_token_gateway", ours / theirs).put("token_gateway", name);
      } catch (IOException e) {
        seen.put("failed", e.getMessage());
      }
    }
  }

  private String version(Peer peer) throws IOException, InterruptedException {
    if (options.venv().isEmpty()) throw new IOException("no venv= was named");
    Process python =
        new ProcessBuilder(
                bin.resolve("python").toString(),
                "-c",
                "import importlib.metadata as m; print(m.version('" + peer.distribution() + "'))")
            .start();
    String said = new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (python.waitFor() != 0) throw new IOException("it is not installed in " + options.venv());
    return said.strip();
  }

  private double turnsPerSecond(Peer peer) throws IOException, InterruptedException {
    String engine = "http://127.0.0.1:" + rig.stubPort();
    int port = freePort();
    Path folder = Files.createTempDirectory("turnstone-peer");
    peer.prepare(folder, engine);
    ProcessBuilder builder = new ProcessBuilder(peer.command(bin, port, engine));
    File log = folder.resolve("log").toFile();
    builder.directory(folder.toFile()).redirectErrorStream(true).redirectOutput(log);
    builder.environment().put("LITELLM_LOG", "ERROR");
    builder.environment().put("LITELLM_LOCAL_MODEL_COST_MAP", "True");
    // It has no key here and says that this is for development only.
    builder.environment().put("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true");
    builder.environment().merge("PATH", bin.toString(), (path, ours) -> ours + ":" + path);
    try (Child child = Child.start(builder)) {
      awaitHealth(child, port, peer.health(), log);
      LoadPlan plan =
          rig.plan()
              .with("turns", Math.min(CLIENTS, options.clients()), 0, options.seconds())
              .at(peer.gateway(), port, EngineStub.MODEL)
              .warm(8);
      Door door = Door.of(plan);
      door.begin(engine);
      if (peer.recordsTokens()) checkRecords(plan, door);
      return rig.load(plan).get("turns_per_s").asDouble();
    }
  }

  /// A gateway that only passes tokens on would not be compared with one that records them.
  private static void checkRecords(LoadPlan plan, Door door)
      throws IOException, InterruptedException {
    LoadAgent agent = new LoadAgent(plan, door, plan.turns());
    try (PlainHttp http = new PlainHttp(plan.port(), "")) {
      agent.turn(http);
    }
    Door.Recorded recorded = Door.Recorded.NOTHING;
    for (int i = 0; i < 50 && recorded.ids() == 0; i++) {
      Thread.sleep(100);
      recorded = door.recorded(agent.place());
    }
    if (recorded.ids() != plan.maxTokens() || recorded.logprobs() != plan.maxTokens())
      throw new IOException(
          "it recorded %s of a call of %d tokens".formatted(recorded, plan.maxTokens()));
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
    throw new IOException("it did not start; its log is " + log);
  }
}
