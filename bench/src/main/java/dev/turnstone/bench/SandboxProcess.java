package dev.turnstone.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/// A sandbox in a JVM of its own, as `turnstone sandbox` starts it.
final class SandboxProcess implements AutoCloseable {
  private static final String LISTENING = "listening on ";

  private final Process process;
  private final String url;

  private SandboxProcess(Process process, String url) {
    this.process = process;
    this.url = url;
  }

  static SandboxProcess start() throws IOException {
    Process process =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                "-XX:+UseSerialGC",
                "-Xmx1g",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.turnstone.server.Main",
                "sandbox",
                "--port",
                "0")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    BufferedReader out = process.inputReader();
    String line = out.readLine();
    if (line == null || !line.startsWith(LISTENING)) {
      process.destroyForcibly();
      throw new IOException("the sandbox did not start: " + line);
    }
    return new SandboxProcess(process, line.substring(LISTENING.length()));
  }

  String url() {
    return url;
  }

  long residentMb() throws IOException {
    return SandboxLoad.residentMb(process.pid());
  }

  /// All processes below it, once their number has stayed the same for a second.
  long settledProcesses() throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    long count = process.descendants().count();
    for (int same = 0; same < 10 && System.nanoTime() < deadline; same++) {
      Thread.sleep(100);
      long now = process.descendants().count();
      if (now != count) same = 0;
      count = now;
    }
    return count;
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(20, TimeUnit.SECONDS)) process.destroyForcibly();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
