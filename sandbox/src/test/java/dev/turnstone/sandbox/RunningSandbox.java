package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.egress.AllowList;
import dev.turnstone.sandbox.jail.SandboxException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/// The real service with real jails, and a client for it. One for all tests of this JVM: it says so
/// in a sentence where bubblewrap is not installed.
final class RunningSandbox {
  static {
    // Some tests send another Host header than the client would.
    System.setProperty("jdk.httpclient.allowRestrictedHeaders", "host");
  }

  static final ObjectMapper JSON = new ObjectMapper();

  /// Sockets beside those of jails: the server's own, and its clients'.
  private static final int FEW = 80;

  private static final long MOUNTS = mounts();
  private static final AtomicInteger STARTED = new AtomicInteger();
  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private static final class Shared {
    static final RunningSandbox INSTANCE = start();

    private static RunningSandbox start() {
      try {
        SandboxConfig config = config(1024, Duration.ofSeconds(30));
        return new RunningSandbox(config, SandboxServer.start(config));
      } catch (SandboxException e) {
        throw new AssertionError(e.getMessage(), e);
      }
    }
  }

  private final SandboxConfig config;
  private final SandboxServer server;

  RunningSandbox(SandboxConfig config, SandboxServer server) {
    this.config = config;
    this.server = server;
  }

  /// On a free port, with user ids that no other sandbox of this machine uses.
  static SandboxConfig config(int maxWaiting, Duration queueWait) {
    int slot =
        Math.floorMod((int) ProcessHandle.current().pid(), 1000) * 8 + STARTED.getAndIncrement();
    return config(maxWaiting, queueWait, 1_000_000 + slot * SandboxConfig.UIDS);
  }

  static SandboxConfig config(int maxWaiting, Duration queueWait, int firstUid) {
    return new SandboxConfig(
        "127.0.0.1",
        0,
        Isolation.BUBBLEWRAP,
        4,
        4,
        maxWaiting,
        queueWait,
        64,
        Duration.ofMinutes(5),
        List.of(),
        AllowList.NONE,
        firstUid);
  }

  static RunningSandbox shared() {
    return Shared.INSTANCE;
  }

  String url() {
    return server.url();
  }

  SandboxConfig config() {
    return config;
  }

  /// Where the service keeps what is its own.
  Path folder() {
    return server.folder();
  }

  static ObjectNode request(String language, String code) {
    return JSON.createObjectNode().put("language", language).put("code", code);
  }

  static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }

  static String text(JsonNode base64) {
    return new String(Base64.getDecoder().decode(base64.asText()), UTF_8);
  }

  JsonNode python(String code) {
    return run(request("python", code));
  }

  JsonNode run(ObjectNode request) {
    HttpResponse<String> response = post(request.toString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return json(response);
  }

  HttpResponse<String> post(String body) {
    return send(
        HttpRequest.newBuilder(URI.create(url() + "/run_code"))
            .timeout(Duration.ofSeconds(60))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body)));
  }

  static HttpResponse<String> send(HttpRequest.Builder request) {
    try {
      return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
    } catch (IOException e) {
      throw new AssertionError("the sandbox did not answer", e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  static JsonNode json(HttpResponse<String> response) {
    try {
      return JSON.readTree(response.body());
    } catch (JsonProcessingException e) {
      throw new AssertionError(response.body(), e);
    }
  }

  /// Fails unless every process of programs that have run goes, and with them all they held: this
  /// JVM's descriptors are those of a few idle jails, and the host's mounts are what they were.
  void assertNothingIsLeft() {
    JailedProcesses.await(() -> JailedProcesses.ofPrograms(config).isEmpty());
    JailedProcesses.await(() -> sockets() <= config.warm() + FEW);
    assertThat(mounts()).isEqualTo(MOUNTS);
  }

  private static long mounts() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/mountinfo"))) {
      return lines.count();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /// Connections to jails and clients that this JVM holds.
  private static long sockets() {
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
      return descriptors.filter(RunningSandbox::isSocket).count();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static boolean isSocket(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
    } catch (IOException e) {
      return false; // Closed meanwhile.
    }
  }
}
