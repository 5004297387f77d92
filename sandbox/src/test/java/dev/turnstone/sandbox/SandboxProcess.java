package dev.turnstone.sandbox;

import dev.turnstone.sandbox.jail.SandboxException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/// A sandbox in a JVM of its own, for tests that end it.
final class SandboxProcess implements AutoCloseable {
  private final Process process;
  private final BufferedReader output;

  SandboxProcess(SandboxConfig config, Path temporary) throws IOException {
    process =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Djava.io.tmpdir=" + temporary,
                "-cp",
                System.getProperty("java.class.path"),
                SandboxProcess.class.getName(),
                Integer.toString(config.firstUid()))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    output = process.inputReader(StandardCharsets.UTF_8);
  }

  public static void main(String[] arguments) throws SandboxException, InterruptedException {
    SandboxConfig config =
        RunningSandbox.config(8, Duration.ofSeconds(8), Integer.parseInt(arguments[0]));
    try (SandboxServer server = SandboxServer.start(config)) {
      System.out.println(server.url());
      server.awaitClose();
    }
  }

  String url() throws IOException {
    return String.valueOf(output.readLine());
  }

  Process process() {
    return process;
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    output.close();
  }
}
