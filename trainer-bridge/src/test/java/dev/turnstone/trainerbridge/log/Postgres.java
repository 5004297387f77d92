package dev.turnstone.trainerbridge.log;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// A real PostgreSQL server of this process, from the system's packages, on a free port of the
/// loopback. It refuses to run as root, so root starts it as `nobody`.
public final class Postgres {
  private static final Path VERSIONS = Path.of("/usr/lib/postgresql");
  private static final long PATIENCE_S = 60;
  private static Optional<Postgres> shared = Optional.empty();

  private final Path binaries;
  private final Path folder;
  private final int port;

  private Postgres(Path binaries, Path folder, int port) {
    this.binaries = binaries;
    this.folder = folder;
    this.port = port;
  }

  public static boolean installed() {
    return binaries().isPresent();
  }

  /// The one of this process, which stops with it.
  public static synchronized Postgres shared() {
    if (shared.isEmpty()) {
      Postgres started = start();
      Runtime.getRuntime().addShutdownHook(new Thread(started::stop));
      shared = Optional.of(started);
    }
    return shared.get();
  }

  /// The URL of a database, which is made if it is not there.
  public synchronized String database(String name) {
    try (Connection admin = DriverManager.getConnection(url("postgres"));
        Statement statement = admin.createStatement()) {
      statement.execute("create database " + name);
    } catch (SQLException e) {
      if (!"42P04".equals(e.getSQLState())) throw new AssertionError(e);
    }
    return url(name);
  }

  public String url(String name) {
    return "jdbc:postgresql://127.0.0.1:%d/%s?user=turnstone&password=secret".formatted(port, name);
  }

  /// Ends the server at once, as a power cut would.
  public void kill() {
    run("pg_ctl", "stop", "-m", "immediate", "-D", folder.resolve("data").toString());
  }

  /// Starts it again.
  public void restart() {
    run(
        "pg_ctl",
        "start",
        "-w",
        "-D",
        folder.resolve("data").toString(),
        "-l",
        folder.resolve("log").toString(),
        "-o",
        "-c listen_addresses=127.0.0.1 -p %d -k %s -c fsync=off".formatted(port, folder));
  }

  private static Postgres start() {
    try {
      Path folder = Files.createTempDirectory("turnstone-pg");
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
      Postgres server = new Postgres(binaries().orElseThrow(), folder, freePort());
      server.run(
          "initdb", "-U", "turnstone", "-A", "trust", "-D", folder.resolve("data").toString());
      server.restart();
      return server;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private void stop() {
    kill();
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) Files.delete(path);
    } catch (IOException e) {
      System.err.println(folder + " stays: " + e);
    }
  }

  private void run(String program, String... arguments) {
    List<String> command = new ArrayList<>();
    if (System.getProperty("user.name").equals("root"))
      command.addAll(List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"));
    command.add(binaries.resolve(program).toString());
    command.addAll(List.of(arguments));
    try {
      Process process =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(folder.resolve(program + ".out").toFile())
              .start();
      if (!process.waitFor(PATIENCE_S, TimeUnit.SECONDS) || process.exitValue() != 0)
        throw new AssertionError(
            command + ": " + Files.readString(folder.resolve(program + ".out")));
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      throw new AssertionError("interrupted", e);
    }
  }

  private static Optional<Path> binaries() {
    if (!Files.isDirectory(VERSIONS)) return Optional.empty();
    try (Stream<Path> versions = Files.list(VERSIONS)) {
      return versions
          .map(version -> version.resolve("bin"))
          .filter(bin -> Files.isExecutable(bin.resolve("initdb")))
          .max(Comparator.naturalOrder());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
