package dev.turnstone.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/// Kills servers, trainer and database at random, cuts and stalls connections, and counts in the
/// trainer's checkpoints what came of every group.
final class Chaos implements Benchmark {
  private static final int FAULTS_AIMED_AT = 100;
  private static final long LAST_WORDS_S = 240;

  /// A server must have come up to be worth killing.
  private static final long LEAST_GAP_MS = 6000;

  private final Random random = new Random(7);
  private final Map<Fault, Integer> faults = new EnumMap<>(Fault.class);

  private enum Fault {
    SERVER,
    TRAINER,
    DATABASE,
    CUT,
    STALL
  }

  @Override
  public String name() {
    return "chaos";
  }

  @Override
  public String summary() {
    return "[--minutes N] [--servers N]: a run under kill -9, cut and stalled connections";
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    double minutes = option(arguments, "--minutes", 10);
    int servers = (int) option(arguments, "--servers", 2);
    Path folder = Files.createTempDirectory("turnstone-chaos");
    // PostgreSQL runs as another user than root.
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    System.err.println("logs in " + folder);
    ChaosLedger ledger = new ChaosLedger(folder.resolve("ledger"));
    ChaosPostgres database = ChaosPostgres.start(folder.resolve("pg"), freePort());
    try {
      List<Integer> ports = new ArrayList<>();
      List<ChaosProcess> processes = new ArrayList<>();
      for (int i = 0; i < servers; i++) {
        ports.add(freePort());
        processes.add(server(folder, i, ports.getLast(), database.url()));
      }
      try (ChaosProxy proxy = new ChaosProxy(ports)) {
        ChaosProcess trainer =
            ChaosProcess.java(
                folder.resolve("trainer.log"),
                Map.of(),
                ChaosConsumer.class.getName(),
                proxy.uri().toString(),
                ChaosRun.NAME,
                folder.resolve("ledger").toString());
        for (ChaosProcess server : processes) server.start();
        ChaosRun run = new ChaosRun(ports);
        run.create();
        trainer.start();
        Thread submitter = Thread.ofVirtual().start(() -> run.submit(() -> committed(ledger)));
        long end = System.nanoTime() + (long) (minutes * 60e9);
        torment(
            end,
            Math.max(LEAST_GAP_MS, (long) (minutes * 60_000 / FAULTS_AIMED_AT)),
            processes,
            trainer,
            database,
            proxy);
        submitter.interrupt();
        submitter.join();
        revive(processes);
        run.end();
        boolean done = finish(trainer, processes);
        run.close();
        for (ChaosProcess server : processes) server.stop();
        Set<String> expected = undisturbed(folder, run.submitted());
        return figures(ledger.read(), run.submitted(), expected, done);
      } finally {
        for (ChaosProcess server : processes) server.stop();
      }
    } finally {
      database.stop();
    }
  }

  /// Groups that a run over the same tasks commits on one server with nothing in its way.
  private static Set<String> undisturbed(Path folder, int tasks)
      throws IOException, InterruptedException {
    Path own = Files.createDirectory(folder.resolve("undisturbed"));
    int port = freePort();
    ChaosLedger ledger = new ChaosLedger(own.resolve("ledger"));
    ChaosProcess server = server(own, 0, port, "");
    ChaosProcess trainer =
        ChaosProcess.java(
            own.resolve("trainer.log"),
            Map.of(),
            ChaosConsumer.class.getName(),
            "http://127.0.0.1:" + port,
            ChaosRun.NAME,
            own.resolve("ledger").toString());
    ChaosRun run = new ChaosRun(List.of(port));
    try {
      server.start();
      run.create();
      trainer.start();
      run.submitAll(tasks);
      if (!finish(trainer, List.of(server)))
        throw new IllegalStateException("the undisturbed run did not end");
    } finally {
      run.close();
      server.stop();
    }
    return ledger.read().stream().map(ChaosLedger.Line::group).collect(Collectors.toSet());
  }

  /// @param log URL of a shared log; empty for one of its own
  private static ChaosProcess server(Path folder, int number, int port, String log) {
    Map<String, String> environment = new HashMap<>();
    environment.putAll(Map.of("OMP_WAIT_POLICY", "passive", "OMP_NUM_THREADS", "1"));
    if (!log.isEmpty()) environment.put("TURNSTONE_LOG_URL", log);
    return ChaosProcess.java(
        folder.resolve("server-%d.log".formatted(number)),
        environment,
        "dev.turnstone.server.Main",
        "serve",
        "--model=tiny",
        "--port=" + port,
        "--data=" + folder.resolve("data-" + number));
  }

  private void torment(
      long end,
      long gapMillis,
      List<ChaosProcess> servers,
      ChaosProcess trainer,
      ChaosPostgres database,
      ChaosProxy proxy)
      throws IOException, InterruptedException {
    while (System.nanoTime() < end) {
      TimeUnit.MILLISECONDS.sleep(gapMillis / 2 + random.nextLong(Math.max(1, gapMillis)));
      revive(servers);
      if (!trainer.alive()) trainer.start();
      Fault fault = Fault.values()[random.nextInt(Fault.values().length)];
      faults.merge(fault, 1, Integer::sum);
      switch (fault) {
        case SERVER -> {
          ChaosProcess server = servers.get(random.nextInt(servers.size()));
          server.kill();
          server.start();
        }
        case TRAINER -> {
          trainer.kill();
          trainer.start();
        }
        case DATABASE -> {
          database.kill();
          TimeUnit.MILLISECONDS.sleep(random.nextLong(2000));
          database.start();
        }
        case CUT -> proxy.cut();
        case STALL -> proxy.stall(random.nextLong(5000));
      }
    }
  }

  /// A server that could not start while the database was down is started again.
  private static void revive(List<ChaosProcess> servers) throws IOException {
    for (ChaosProcess server : servers) if (!server.alive()) server.start();
  }

  private static boolean finish(ChaosProcess trainer, List<ChaosProcess> servers)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(LAST_WORDS_S);
    while (System.nanoTime() < deadline) {
      if (trainer.exit().filter(code -> code == 0).isPresent()) return true;
      revive(servers);
      if (!trainer.alive()) trainer.start();
      TimeUnit.MILLISECONDS.sleep(500);
    }
    trainer.kill();
    return false;
  }

  private ObjectNode figures(
      List<ChaosLedger.Line> ledger, int submitted, Set<String> undisturbed, boolean ended) {
    Set<String> committed = new HashSet<>();
    int duplicated = 0;
    int outOfOrder = 0;
    long last = 0;
    for (ChaosLedger.Line line : ledger) {
      if (!committed.add(line.group())) duplicated++;
      if (line.seq() != last + 1) outOfOrder++;
      last = line.seq();
    }
    int lost = 0;
    for (int i = 0; i < submitted; i++) if (!committed.contains(ChaosRun.name(i))) lost++;
    int total = 0;
    ObjectNode figures = new ObjectMapper().createObjectNode();
    for (Fault fault : Fault.values()) {
      int count = faults.getOrDefault(fault, 0);
      total += count;
      figures.put("faults_" + fault.name().toLowerCase(Locale.ROOT), count);
    }
    long trained = ledger.stream().filter(line -> line.fate().equals("trained")).count();
    return figures
        .put("faults", total)
        .put("groups_submitted", submitted)
        .put("groups_finished", last)
        .put("groups_committed", committed.size())
        .put("groups_trained", trained)
        .put("lost", lost)
        .put("duplicated", duplicated)
        .put("out_of_order", outOfOrder)
        .put("same_groups_as_undisturbed", committed.equals(undisturbed))
        .put("ended", ended);
  }

  private static int committed(ChaosLedger ledger) {
    try {
      return ledger.read().size();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static double option(List<String> arguments, String name, double otherwise) {
    int at = arguments.indexOf(name);
    if (at < 0) return otherwise;
    try {
      double value = Double.parseDouble(arguments.get(at + 1));
      if (value > 0) return value;
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      throw new IllegalArgumentException(name + " needs a number above 0", e);
    }
    throw new IllegalArgumentException(name + " needs a number above 0");
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
