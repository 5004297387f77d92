package dev.turnstone.bench.stub;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A [StubEngine] in a process of its own, as its parent sees it. Closing its input ends it, so it
/// cannot outlive its parent.
public record StubProcess(Process process, int port) implements AutoCloseable {
  /// Starts one and waits until it listens.
  public static StubProcess start(StubOptions options) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"));
    command.add(System.getProperty("java.class.path"));
    command.add(StubEngine.class.getName());
    command.add(options.argument());
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String port = out.readLine();
    if (port == null) throw new IOException("the engine's process ended before it listened");
    return new StubProcess(process, Integer.parseInt(port));
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
