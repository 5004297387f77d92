package dev.turnstone.bench.stub;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// A [StubEngine] in a process of its own, as its parent sees it. Closing its input ends it, so it
/// cannot outlive its parent.
public record StubProcess(Process process, int port) implements AutoCloseable {
  /// Starts one and waits until it listens.
  public static StubProcess start(StubOptions options) throws IOException {
    return start(options, 1).getFirst();
  }

  /// Starts several, all at the same time; if one cannot be started, none is left.
  public static List<StubProcess> start(StubOptions options, int count) throws IOException {
    List<Process> launched = new ArrayList<>();
    List<StubProcess> stubs = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) launched.add(launch(options));
      for (Process process : launched) stubs.add(listening(process));
      return stubs;
    } finally {
      if (stubs.size() < count) launched.forEach(Process::destroyForcibly);
    }
  }

  private static Process launch(StubOptions options) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"));
    command.add(System.getProperty("java.class.path"));
    command.add(StubEngine.class.getName());
    command.add(options.argument());
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  private static StubProcess listening(Process process) throws IOException {
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String port = out.readLine();
    if (port == null) throw new IOException("the engine's process ended before it listened");
    return new StubProcess(process, Integer.parseInt(port));
  }

  /// Empties its prefix cache.
  public void forget() throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(url() + "/reset_prefix_cache"))
              .timeout(Duration.ofSeconds(10))
              .POST(HttpRequest.BodyPublishers.noBody())
              .build();
      int status = client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
      if (status != 200) throw new IOException("/reset_prefix_cache answers " + status);
    }
  }

  public String url() {
    return "http://127.0.0.1:" + port;
  }

  /// `kill -9`.
  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() throws IOException {
    process.getOutputStream().close();
  }
}
