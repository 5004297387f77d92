package dev.turnstone.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.trainerbridge.client.Delivered;
import dev.turnstone.trainerbridge.client.FeedClient;
import dev.turnstone.trainerbridge.client.FeedOptions;
import dev.turnstone.trainerbridge.wire.Compression;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// Groups of 16 × 8k tokens produced, validated, logged, sent and decoded: a server process whose
/// policy costs nothing, and a client in this one.
final class FeedLoad implements Benchmark {
  private static final int TOKENS = 8192;
  private static final int BYTES_A_TOKEN = 9;
  private static final int STEP = 4;

  /// How often the server's memory is looked at.
  private static final int SAMPLES = 20;

  private static final Duration BEAT = Duration.ofMillis(50);

  @Override
  public String name() {
    return "feed";
  }

  @Override
  public String summary() {
    return "[--seconds N] [--compress zstd|none] [--ahead GROUPS] [--client CMD|java]: groups from"
        + " policy to trainer, by default the Python client's if python3 has numpy and websockets";
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    int seconds = Integer.parseInt(option(arguments, "--seconds").orElse("40"));
    Compression compression =
        Compression.valueOf(
            option(arguments, "--compress").orElse("none").toUpperCase(Locale.ROOT));
    Path data = Files.createTempDirectory("turnstone-feed");
    Process server = server(data, option(arguments, "--ahead").orElse("" + 2 * STEP));
    try (BufferedReader said = server.inputReader()) {
      URI uri = URI.create("http://127.0.0.1:" + port(said));
      Optional<List<String>> client =
          option(arguments, "--client")
              .map(command -> List.of(command.split(" ", -1)))
              .or(FeedLoad::python)
              .filter(command -> !command.equals(List.of("java")));
      return client.isPresent()
          ? other(client.get(), uri, seconds, compression, server.pid())
          : measure(uri, seconds, compression, server.pid());
    } finally {
      server.getOutputStream().close();
      if (!server.waitFor(20, TimeUnit.SECONDS)) server.destroyForcibly();
      delete(data);
    }
  }

  /// @param ahead groups of one version, half of what may be ahead of the trainer
  private static Process server(Path data, String ahead) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            System.getProperty("java.class.path"),
            FeedLoadServer.class.getName(),
            data.toString(),
            String.valueOf(TOKENS),
            ahead)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private static String port(BufferedReader said) throws IOException {
    for (String line = said.readLine(); line != null; line = said.readLine())
      if (line.startsWith(FeedLoadServer.PORT)) return line.substring(FeedLoadServer.PORT.length());
    throw new IOException("the server did not start");
  }

  private static ObjectNode measure(URI uri, int seconds, Compression compression, long server)
      throws Exception {
    List<Long> delays = Collections.synchronizedList(new ArrayList<>());
    FeedOptions options =
        FeedOptions.of(uri, FeedLoadServer.RUN, "bench")
            .withCompression(compression)
            .withHeartbeat(BEAT, beat -> delays.add(System.currentTimeMillis() - beat.atMillis()));
    try (FeedClient feed = FeedClient.connect(options, Duration.ofSeconds(30))) {
      feed.open(2 * STEP, 256 << 20);
      take(feed, Duration.ofSeconds(Math.max(3, seconds / 4)).toNanos());
      delays.clear();
      long before = resident(server);
      long started = System.nanoTime();
      Taken taken = take(feed, TimeUnit.SECONDS.toNanos(seconds));
      double wall = (System.nanoTime() - started) / 1e9;
      long after = resident(server);
      ObjectNode figures = new ObjectMapper().createObjectNode();
      return figures
          .put("client", "java")
          .put("mb_per_s", taken.bytes() / 1e6 / wall)
          .put("decode_ms_per_group", feed.decodeNanos() / 1e6 / Math.max(1, feed.decoded()))
          .put("heartbeat_delay_p99_ms", percentile(delays, 0.99))
          .put("heartbeats", delays.size())
          .put("groups", taken.groups())
          .put("seconds", wall)
          .put("server_rss_mb_before", before >> 20)
          .put("server_rss_mb_after", after >> 20);
    }
  }

  private record Taken(long groups, long bytes) {}

  /// Takes, trains and commits for a while.
  private static Taken take(FeedClient feed, long nanos) throws Exception {
    long end = System.nanoTime() + nanos;
    long groups = 0;
    long bytes = 0;
    while (System.nanoTime() < end) {
      Optional<Delivered> next = feed.take(Duration.ofSeconds(5));
      if (next.isEmpty()) continue;
      if (!(next.get() instanceof Delivered.Group(GroupFrame frame))) continue;
      groups++;
      bytes +=
          frame.rows().stream().mapToLong(row -> (long) BYTES_A_TOKEN * row.data().length()).sum();
      if (frame.seq() % STEP == 0) {
        feed.trained(frame.seq(), 0);
        feed.commit(frame.seq(), 0, "step-" + frame.seq());
      }
    }
    return new Taken(groups, bytes);
  }

  /// Another client, such as the Python one: a command that is given the server, the run and the
  /// seconds, and prints its figures as one line of JSON.
  private static ObjectNode other(
      List<String> client, URI uri, int seconds, Compression compression, long server)
      throws Exception {
    List<String> command = new ArrayList<>(client);
    command.addAll(List.of(uri.toString(), FeedLoadServer.RUN, String.valueOf(seconds)));
    if (compression != Compression.NONE) command.add(compression.name().toLowerCase(Locale.ROOT));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("PYTHONPATH", python("src").toString());
    Process process = builder.start();
    List<Long> memory = new ArrayList<>();
    String last = "";
    try (BufferedReader said = process.inputReader()) {
      do memory.add(resident(server) >> 20);
      while (!process.waitFor(Math.max(1, seconds / SAMPLES), TimeUnit.SECONDS));
      for (String line = said.readLine(); line != null; line = said.readLine()) last = line;
    }
    if (process.exitValue() != 0)
      throw new IllegalArgumentException("the client failed: " + client);
    ObjectNode figures = (ObjectNode) new ObjectMapper().readTree(last);
    memory.forEach(figures.putArray("server_rss_mb")::add);
    return figures;
  }

  /// The Python client, if its libraries are there.
  private static Optional<List<String>> python() {
    try {
      Process asked =
          new ProcessBuilder("python3", "-c", "import numpy, websockets")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (!asked.waitFor(20, TimeUnit.SECONDS) || asked.exitValue() != 0) return Optional.empty();
      return Optional.of(List.of("python3", python("examples/feed_load.py").toString()));
    } catch (IOException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  private static Path python(String file) {
    return Path.of(System.getProperty("turnstone.home", "."), "trainer-bridge/python", file);
  }

  private static long percentile(List<Long> delays, double share) {
    List<Long> sorted = delays.stream().sorted().toList();
    return sorted.isEmpty() ? -1 : sorted.get((int) (share * (sorted.size() - 1)));
  }

  /// Bytes that the process has in memory, where the system says so.
  private static long resident(long pid) throws IOException {
    Path status = Path.of("/proc/%d/status".formatted(pid));
    if (!Files.exists(status)) return -1;
    try (Stream<String> lines = Files.lines(status)) {
      return lines
          .filter(line -> line.startsWith("VmRSS:"))
          .map(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10)
          .findFirst()
          .orElse(-1L);
    }
  }

  private static Optional<String> option(List<String> arguments, String name) {
    int at = arguments.indexOf(name);
    if (at < 0) return Optional.empty();
    if (at + 1 == arguments.size()) throw new IllegalArgumentException(name + " needs a value");
    return Optional.of(arguments.get(at + 1));
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Collections.reverseOrder()).toList()) Files.delete(path);
    }
  }
}
