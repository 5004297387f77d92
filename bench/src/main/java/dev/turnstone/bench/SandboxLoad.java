package dev.turnstone.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;

/// The sandbox under load, in a process of its own: programs at a steady pace, as many as it can,
/// ten times as many as it can, and sessions. Optionally another SandboxFusion beside it.
final class SandboxLoad implements Benchmark {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PACE = 20;
  private static final int CLIENTS = 8;
  private static final int SESSIONS = 1000;
  private static final int CALLS = 300;
  private static final String PROGRAM =
      "{\"language\":\"python\",\"code\":\"print(sum(range(1000)))\"}";

  @Override
  public String name() {
    return "sandbox";
  }

  @Override
  public String summary() {
    return "[SECONDS [PEER_URL]]: programs and sessions per second, latencies, overload; a peer's"
        + " /run_code beside it";
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    if (arguments.size() > 2) throw new IllegalArgumentException("arguments are " + summary());
    int seconds = arguments.isEmpty() ? 10 : seconds(arguments.getFirst());
    ObjectNode figures = JSON.createObjectNode().put("seconds", seconds);
    try (SandboxProcess sandbox = SandboxProcess.start()) {
      SandboxClient client = new SandboxClient(sandbox.url());
      closedLoop(client, 3);
      long processes = sandbox.settledProcesses();
      paced(client, Math.min(seconds, 30), figures);
      double runsPerSecond = sustained(sandbox, client, seconds, figures);
      if (arguments.size() == 2) {
        double peer = closedLoop(new SandboxClient(arguments.get(1)), seconds);
        figures.put("peer_runs_per_s", peer).put("ratio_to_peer", runsPerSecond / peer);
      }
      sessions(client, figures);
      McpSessions.open(SESSIONS, sandbox.url(), figures);
      overload(client, runsPerSecond, Math.min(seconds, 10), figures);
      figures.put("left_over_processes", sandbox.settledProcesses() - processes);
      figures.put("rss_after_overload_mb", sandbox.residentMb());
    }
    return figures;
  }

  private static int seconds(String text) {
    try {
      int value = Integer.parseInt(text);
      if (value > 0) return value;
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new IllegalArgumentException("SECONDS must be an integer above 0, but is " + text);
  }

  /// Every program is sent when its time has come, whatever became of those before.
  private static void paced(SandboxClient client, int seconds, ObjectNode figures)
      throws Exception {
    double[] millis = new double[seconds * PACE];
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Double>> answers = new ArrayList<>();
      long start = System.nanoTime();
      for (int i = 0; i < millis.length; i++) {
        LockSupport.parkNanos(start + i * (1_000_000_000L / PACE) - System.nanoTime());
        answers.add(threads.submit(() -> client.run(PROGRAM).expected(200).millis()));
      }
      for (int i = 0; i < millis.length; i++) millis[i] = answers.get(i).get();
    }
    figures.put("p50_ms", quantile(millis, 0.5)).put("p99_ms", quantile(millis, 0.99));
  }

  /// Some clients, each of which sends its next program when it has the answer to the last.
  ///
  /// @return answers per second
  private static double closedLoop(SandboxClient client, int seconds) throws Exception {
    long start = System.nanoTime();
    long end = start + Duration.ofSeconds(seconds).toNanos();
    List<Callable<Integer>> clients = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++)
      clients.add(() -> {
        int done = 0;
        for (; System.nanoTime() < end; done++) client.run(PROGRAM).expected(200);
        return done;
      });
    int done = 0;
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<Integer> one : threads.invokeAll(clients)) done += one.get();
    }
    return done / ((System.nanoTime() - start) / 1e9);
  }

  /// Memory is compared once the heap has had a fifth of the time to find its size.
  private static double sustained(
      SandboxProcess sandbox, SandboxClient client, int seconds, ObjectNode figures)
      throws Exception {
    int first = Math.max(1, seconds / 5);
    double before = closedLoop(client, first);
    long start = sandbox.residentMb();
    double after = closedLoop(client, Math.max(1, seconds - first));
    long end = sandbox.residentMb();
    double runsPerSecond = (before * first + after * (seconds - first)) / seconds;
    figures.put("runs_per_s", runsPerSecond);
    figures.put("rss_start_mb", start).put("rss_end_mb", end).put("rss_growth_mb", end - start);
    return runsPerSecond;
  }

  private static void sessions(SandboxClient client, ObjectNode figures) throws Exception {
    String id = client.openSession();
    double[] execs = new double[CALLS];
    double[] cells = new double[CALLS];
    for (int i = 0; i < CALLS; i++) {
      execs[i] = client.call(id, "exec", "{\"command\":\"echo hi\"}").expected(200).millis();
      cells[i] = client.call(id, "cell", "{\"code\":\"1+1\"}").expected(200).millis();
    }
    client.closeSession(id);
    figures.put("session_exec_p50_ms", quantile(execs, 0.5));
    figures.put("session_exec_p99_ms", quantile(execs, 0.99));
    figures.put("session_cell_p50_ms", quantile(cells, 0.5));
    long start = System.nanoTime();
    try (ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
      List<Callable<String>> opens = new ArrayList<>();
      for (int i = 0; i < SESSIONS; i++) opens.add(client::openSession);
      List<String> ids = new ArrayList<>();
      for (Future<String> open : threads.invokeAll(opens)) ids.add(open.get());
      figures.put("sessions_opened_per_s", SESSIONS / ((System.nanoTime() - start) / 1e9));
      List<Callable<Boolean>> closes = new ArrayList<>();
      for (String open : ids) closes.add(() -> client.closeSession(open));
      for (Future<Boolean> close : threads.invokeAll(closes)) close.get();
    }
    figures.put("sessions", SESSIONS);
  }

  /// Ten times as many programs per second as the sandbox can run. What an answer took beyond its
  /// program is what it waited.
  private static void overload(
      SandboxClient client, double runsPerSecond, int seconds, ObjectNode figures)
      throws Exception {
    double rate = 10 * runsPerSecond;
    int count = (int) (rate * seconds);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<SandboxClient.Seen>> answers = new ArrayList<>();
      long start = System.nanoTime();
      for (int i = 0; i < count; i++) {
        LockSupport.parkNanos(start + (long) (i / rate * 1e9) - System.nanoTime());
        answers.add(threads.submit(() -> client.run(PROGRAM)));
      }
      double[] waits = new double[count];
      int served = 0;
      int busy = 0;
      for (int i = 0; i < count; i++) {
        SandboxClient.Seen seen = answers.get(i).get();
        waits[i] = seen.queueMillis();
        if (seen.status() == 200) served++;
        else if (seen.status() == 504) busy++;
      }
      figures.put("overload_requests", count).put("overload_200", served);
      figures.put("overload_504", busy).put("overload_other_statuses", count - served - busy);
      figures.put("overload_wait_p99_ms", quantile(waits, 0.99));
    }
  }

  private static double quantile(double[] values, double quantile) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[(int) Math.ceil(quantile * sorted.length) - 1];
  }

  static long residentMb(long pid) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) >> 10)
        .sum();
  }
}
