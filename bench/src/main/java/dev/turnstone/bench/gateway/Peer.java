package dev.turnstone.bench.gateway;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// A gateway from PyPI, deployed for two cores as its documentation says.
///
/// Only litellm has a deployment of more than one process; the others keep what they record in, or
/// write it from, one.
enum Peer {
  /// The proxy that most others are compared with. It records no tokens.
  LITELLM("litellm", "plain", "/health/liveliness") {
    @Override
    void prepare(Path folder, String engine) throws IOException {
      Files.writeString(
          folder.resolve("litellm.yaml"),
          """
          model_list:
            - model_name: %s
              litellm_params: { model: openai/%s, api_base: "%s/v1", api_key: none }
          """
              .formatted(EngineStub.MODEL, EngineStub.MODEL, engine));
    }

    @Override
    List<String> command(Path bin, int port, String engine) {
      return List.of(
          bin.resolve("litellm").toString(),
          "--config",
          "litellm.yaml",
          "--host",
          "127.0.0.1",
          "--port",
          Integer.toString(port),
          "--num_workers",
          "2");
    }
  },

  /// Records calls by session into SQLite.
  RLLM_MODEL_GATEWAY("rllm-model-gateway", "rllm", "/health") {
    @Override
    List<String> command(Path bin, int port, String engine) {
      return List.of(
          bin.resolve("rllm-model-gateway").toString(),
          "--host",
          "127.0.0.1",
          "--port",
          Integer.toString(port),
          "--worker",
          engine + "/v1",
          "--db-path",
          "traces.db",
          "--log-level",
          "ERROR");
    }
  },

  /// Records calls by rollout in its memory.
  AGENTLIGHTNING("agentlightning", "agentlightning", "/healthz") {
    @Override
    List<String> command(Path bin, int port, String engine) {
      return List.of(
          bin.resolve("python").toString(),
          "-m",
          "agentlightning.server",
          "host=127.0.0.1",
          "port=" + port,
          "default_proxy.model_name=" + EngineStub.MODEL);
    }
  };

  private final String distribution;
  private final String gateway;
  private final String health;

  Peer(String distribution, String gateway, String health) {
    this.distribution = distribution;
    this.gateway = gateway;
    this.health = health;
  }

  /// Writes the files that it is started with.
  ///
  /// @param folder its own, in which it is started
  void prepare(Path folder, String engine) throws IOException {}

  /// How it is started in front of an engine.
  ///
  /// @param bin folder of the Python environment's programs
  abstract List<String> command(Path bin, int port, String engine);

  /// Its name on PyPI.
  String distribution() {
    return distribution;
  }

  /// Its name in JSON.
  String key() {
    return distribution.replace('-', '_');
  }

  /// How its sessions are opened, as [Door] knows it.
  String gateway() {
    return gateway;
  }

  /// The path that answers 200 once it serves.
  String health() {
    return health;
  }

  /// Whether it records tokens.
  boolean recordsTokens() {
    return this != LITELLM;
  }

  static Peer named(String distribution) {
    for (Peer peer : values()) if (peer.distribution.equals(distribution)) return peer;
    throw new IllegalArgumentException("there is no peer " + distribution);
  }
}
