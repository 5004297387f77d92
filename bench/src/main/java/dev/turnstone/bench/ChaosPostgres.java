package dev.turnstone.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// A PostgreSQL server from the system's packages, with its data in a folder of ours. It refuses to
/// run as root, so root starts it as `nobody`.
final class ChaosPostgres {
  private static final Path VERSIONS = Path.of("/usr/lib/postgresql");
  private static final int START_ATTEMPTS = 10;

  private final Path binaries;
  private final Path folder;
  private final int port;

  private ChaosPostgres(Path binaries, Path folder, int port) {
    this.binaries = binaries;
    this.folder = folder;
    this.port = port;
  }

  /// Makes a database cluster and starts it.
  static ChaosPostgres start(Path folder, int port) throws IOException, InterruptedException {
    Files.createDirectories(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
    ChaosPostgres server = new ChaosPostgres(binaries(), folder, port);
    if (!server.run("initdb", "-U", "turnstone", "-A", "trust", "-D", server.data()))
      throw new IOException("initdb failed: see " + folder);
    server.start();
    return server;
  }

  String url() {
    return "jdbc:postgresql://127.0.0.1:%d/postgres?user=turnstone".formatted(port);
  }

  /// `kill -9` of all its processes.
  void kill() throws IOException {
    long pid =
        Long.parseLong(Files.readAllLines(Path.of(data(), "postmaster.pid")).getFirst().strip());
    ProcessHandle.of(pid)
        .ifPresent(postmaster -> {
          List<ProcessHandle> children = postmaster.descendants().toList();
          postmaster.destroyForcibly();
          children.forEach(ProcessHandle::destroyForcibly);
        });
  }

  /// Starts it, which recovers what a kill left.
  void start() throws IOException, InterruptedException {
    String options = "-c listen_addresses=127.0.0.1 -p %d -k %s".formatted(port, folder);
    for (int i = 0; i < START_ATTEMPTS; i++) {
      String log = folder.resolve("log").toString();
      if (run("pg_ctl", "start", "-w", "-D", data(), "-l", log, "-o", options)) return;
      TimeUnit.MILLISECONDS.sleep(500);
    }
    throw new IOException("PostgreSQL did not start: see " + folder.resolve("log"));
  }

  private String data() {
    return folder.resolve("data").toString();
  }

  private boolean run(String program, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    if (System.getProperty("user.name").equals("root"))
      command.addAll(List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"));
    command.add(binaries.resolve(program).toString());
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve(program + ".out").toFile())
            .start();
    return process.waitFor(120, TimeUnit.SECONDS) && process.exitValue() == 0;
  }

  private static Path binaries() throws IOException {
    if (Files.isDirectory(VERSIONS))
      try (Stream<Path> versions = Files.list(VERSIONS)) {
        List<Path> found =
            versions
                .map(version -> version.resolve("bin"))
                .filter(bin -> Files.isExecutable(bin.resolve("initdb")))
                .sorted(Comparator.reverseOrder())
                .toList();
        if (!found.isEmpty()) return found.getFirst();
      }
    throw new IllegalArgumentException("PostgreSQL is not installed: apt-get install postgresql");
  }

  /// Ends it at once.
  void stop() throws IOException, InterruptedException {
    boolean _ = run("pg_ctl", "stop", "-m", "immediate", "-D", data());
  }
}
