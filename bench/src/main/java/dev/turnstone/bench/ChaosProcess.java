package dev.turnstone.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// A Java process that is killed and started again, under one command line. Used by one thread.
final class ChaosProcess {
  private final List<String> command;
  private final Map<String, String> environment;
  private final Path output;
  private Optional<Process> running = Optional.empty();

  private ChaosProcess(List<String> command, Map<String, String> environment, Path output) {
    this.command = command;
    this.environment = environment;
    this.output = output;
  }

  /// Not started yet.
  ///
  /// @param output what it prints is appended there
  static ChaosProcess java(
      Path output, Map<String, String> environment, String main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-Xmx768m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Dturnstone.home=" + System.getProperty("turnstone.home", "."),
            "-cp",
            System.getProperty("java.class.path"),
            main));
    command.addAll(List.of(arguments));
    return new ChaosProcess(command, environment, output);
  }

  void start() throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile()));
    builder.environment().putAll(environment);
    running = Optional.of(builder.start());
  }

  /// `kill -9`.
  void kill() throws InterruptedException {
    if (running.isEmpty()) return;
    running.get().toHandle().destroyForcibly();
    running.get().waitFor();
  }

  boolean alive() {
    return running.map(Process::isAlive).orElse(false);
  }

  /// How it ended; empty if it has not.
  Optional<Integer> exit() {
    return running.filter(process -> !process.isAlive()).map(Process::exitValue);
  }

  /// Ends it.
  void stop() throws InterruptedException {
    if (running.isEmpty()) return;
    running.get().destroy();
    if (!running.get().waitFor(10, TimeUnit.SECONDS)) kill();
  }
}
