package dev.turnstone.bench.engine;

import dev.turnstone.bench.ServerJvm;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/// An engine in a process of its own that serves `/v1/completions`: ours, llama.cpp's or vLLM's,
/// with the same weights and threads.
final class EngineServer implements AutoCloseable {
  /// Whose it is, which decides how ids are asked for.
  enum Kind {
    TURNSTONE,
    LLAMA,
    VLLM
  }

  private static final Duration PATIENCE = Duration.ofMinutes(3);

  private final Kind kind;
  private final Process process;
  private final int port;
  private final Path log;

  private EngineServer(Kind kind, Process process, int port, Path log) {
    this.kind = kind;
    this.process = process;
    this.port = port;
    this.log = log;
  }

  /// @param tokens that the KV cache holds
  static EngineServer turnstone(Subject subject, long tokens) throws Exception {
    int port = freePort();
    long least = Math.max(tokens, subject.config().contextLength() + 64L);
    Path config = Files.createTempFile(subject.scratch(), "serve", ".yaml");
    Files.writeString(
        config,
        "engine: {precision: bf16, threads: %d, kv_mib: %d}\nmax_completions: 1024\n"
            .formatted(
                subject.options().threads(),
                Math.ceilDiv(2 * least * subject.kvBytesPerToken(), 1 << 20)));
    List<String> command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "--add-modules=jdk.incubator.vector",
                "-Dturnstone.home=" + System.getProperty("turnstone.home", ".")));
    command.addAll(ServerJvm.OPTIONS);
    // As the launcher does for a server.
    Optional.ofNullable(System.getProperty("turnstone.archive"))
        .ifPresent(archive ->
            command.addAll(
                List.of(
                    "-XX:+AutoCreateSharedArchive",
                    "-XX:SharedArchiveFile=" + archive,
                    "-Xlog:cds*=off",
                    "-Xlog:aot*=off")));
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), "dev.turnstone.server.Main"));
    command.addAll(List.of("serve", "--model", subject.folder().toString(), "--port", "" + port));
    command.addAll(List.of("--config", config.toString()));
    command.addAll(
        List.of("--data", Files.createTempDirectory(subject.scratch(), "data").toString()));
    return start(Kind.TURNSTONE, subject, command, Map.of(), port);
  }

  /// @param slots requests at once
  /// @param tokens that the KV cache holds
  static EngineServer llama(Subject subject, Path program, int slots, long tokens)
      throws Exception {
    int port = freePort();
    Path model = subject.scratch().resolve("model.gguf");
    if (!Files.exists(model)) GgufFile.write(subject.folder(), subject.config(), model);
    String threads = "" + subject.options().threads();
    List<String> command =
        List.of(
            program.toAbsolutePath().toString(),
            "-m",
            model.toString(),
            "--port",
            "" + port,
            "-t",
            threads,
            "-tb",
            threads,
            "-np",
            "" + slots,
            "-c",
            "" + tokens,
            "-b",
            "2048",
            "--no-webui");
    return start(Kind.LLAMA, subject, command, Map.of(), port);
  }

  static EngineServer vllm(Subject subject, Path program, int sequences, long tokens)
      throws Exception {
    int port = freePort();
    String length = "" + Math.min(subject.config().contextLength(), 4096);
    List<String> command =
        List.of(
            program.toAbsolutePath().toString(),
            "serve",
            subject.folder().toString(),
            "--port",
            "" + port,
            "--dtype",
            "bfloat16",
            "--max-num-seqs",
            "" + sequences,
            "--max-model-len",
            length,
            "--max-num-batched-tokens",
            "4096");
    long gib = Math.ceilDiv(tokens * subject.kvBytesPerToken(), 1L << 30);
    Map<String, String> environment =
        Map.of(
            "VLLM_CPU_KVCACHE_SPACE", "" + gib,
            "VLLM_CPU_OMP_THREADS_BIND", "0-" + (subject.options().threads() - 1),
            "HF_HUB_OFFLINE", "1");
    return start(Kind.VLLM, subject, command, environment, port);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private static EngineServer start(
      Kind kind, Subject subject, List<String> command, Map<String, String> more, int port)
      throws Exception {
    Path log = subject.scratch().resolve(kind + ".log");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    // Ours asks for threads that do not spin; the others' own default is theirs.
    if (kind != Kind.TURNSTONE) builder.environment().remove("OMP_WAIT_POLICY");
    builder.environment().putAll(more);
    EngineServer server = new EngineServer(kind, builder.start(), port, log);
    try {
      server.awaitReady();
      return server;
    } catch (IOException | InterruptedException | IllegalStateException e) {
      server.close();
      throw e;
    }
  }

  private void awaitReady() throws IOException, InterruptedException {
    String path = kind == Kind.TURNSTONE ? "/ready" : "/health";
    var http = new OkHttpClient();
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < deadline && process.isAlive()) {
      try (Response response =
          http.newCall(new Request.Builder().url(url() + path).build()).execute()) {
        if (response.isSuccessful()) return;
      } catch (IOException e) {
        // It does not listen yet.
      }
      Thread.sleep(20);
    }
    throw new IllegalStateException("%s did not start: %s".formatted(kind, lastError()));
  }

  /// The last line of its log that speaks of an error, else its last line.
  String lastError() throws IOException {
    List<String> said = Files.readAllLines(log);
    return said.stream()
        .filter(line -> line.contains("Error"))
        .reduce((_, later) -> later)
        .orElse(said.isEmpty() ? "nothing" : said.getLast());
  }

  Kind kind() {
    return kind;
  }

  String url() {
    return "http://127.0.0.1:" + port;
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroy);
    process.destroy();
    try {
      if (!process.waitFor(20, TimeUnit.SECONDS)) process.destroyForcibly();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
