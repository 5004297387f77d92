package dev.turnstone.server.demo;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// One child process of the demo: a Turnstone command in a JVM with this one's class path and
/// options. What it prints goes to a log file.
final class DemoProcess implements AutoCloseable {
  /// A main class that ends with its parent. By name: it knows the command line, which knows us.
  private static final String CHILD = "dev.turnstone.server.DemoChild";

  private static final String HOME = "turnstone.home";
  private static final String READY = "listening on ";
  private static final Duration START = Duration.ofMinutes(2);
  private static final Duration STOP = Duration.ofSeconds(10);
  private static final Duration GLANCE = Duration.ofMillis(50);

  private final String name;
  private final Path log;
  private final Process process;

  private DemoProcess(String name, Path log, Process process) {
    this.name = name;
    this.log = log;
    this.process = process;
  }

  /// Starts `turnstone COMMAND…`.
  ///
  /// @param name of the process in sentences and of its log file
  static DemoProcess start(String name, Path logs, List<String> command) {
    Path log = logs.resolve(name + ".log");
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(option -> !option.startsWith("-agentlib") && !option.startsWith("-javaagent"))
        .filter(option -> !option.startsWith("-D" + HOME))
        .forEach(line::add);
    line.add("-D%s=%s".formatted(HOME, System.getProperty(HOME, ".")));
    line.addAll(List.of("-cp", System.getProperty("java.class.path"), CHILD));
    line.addAll(command);
    try {
      Files.createDirectories(logs);
      Files.writeString(log, "");
      Process process =
          new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(log.toFile()).start();
      return new DemoProcess(name, log, process);
    } catch (IOException e) {
      throw new DemoFailure("the %s does not start: %s".formatted(name, e.getMessage()));
    }
  }

  /// Blocks until the process says where it listens.
  String url() throws InterruptedException {
    long deadline = System.nanoTime() + START.toNanos();
    while (System.nanoTime() < deadline) {
      Optional<String> url =
          lines().stream()
              .filter(line -> line.startsWith(READY))
              .map(line -> line.substring(READY.length()).strip())
              .findFirst();
      if (url.isPresent()) return url.get();
      if (process.waitFor(GLANCE)) throw died();
    }
    throw new DemoFailure(
        "the %s is not ready after %d s, see %s".formatted(name, START.toSeconds(), log));
  }

  /// Whether it has ended well; waits up to `patience` for it.
  ///
  /// @throws DemoFailure if it ended otherwise
  boolean hasEnded(Duration patience) throws InterruptedException {
    if (!process.waitFor(patience)) return false;
    if (process.exitValue() != 0) throw died();
    return true;
  }

  /// For a process that must not end by itself.
  void checkAlive() {
    if (!process.isAlive()) throw died();
  }

  long pid() {
    return process.pid();
  }

  private DemoFailure died() {
    String last = lines().stream().filter(line -> !line.isBlank()).reduce("", (_, line) -> line);
    return new DemoFailure(
        "the %s ended with exit code %d: %s (see %s)"
            .formatted(name, process.exitValue(), last, log));
  }

  private List<String> lines() {
    try {
      return Files.readString(log).lines().toList();
    } catch (IOException e) {
      throw new DemoFailure("%s cannot be read: %s".formatted(log, e.getMessage()));
    }
  }

  /// Stops the process and all it started.
  @Override
  public void close() {
    List<ProcessHandle> tree = new ArrayList<>(process.descendants().toList());
    process.destroy();
    try {
      if (!process.waitFor(STOP.toMillis(), TimeUnit.MILLISECONDS)) process.destroyForcibly();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    tree.forEach(ProcessHandle::destroyForcibly);
  }
}
