package dev.turnstone.bench.gateway;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/// A process that sends turns as a [LoadPlan] says and prints what it saw as one line of JSON.
public final class LoadProcess {
  /// Said when the sessions of `hold` are there; a byte of input lets their turns begin.
  static final String FILLED = "filled";

  /// Said when the warm-up is over.
  static final String MEASURING = "measuring";

  /// Begins the line with the figures.
  static final String RESULT = "result ";

  private static final ObjectMapper JSON = new ObjectMapper();

  private final LoadPlan plan;
  private final Door door;
  private final Times times = new Times();
  private final long from;
  private final long until;

  private LoadProcess(LoadPlan plan) throws IOException {
    this.plan = plan;
    this.door = Door.of(plan);
    this.from = System.nanoTime() + (long) (plan.warmup() * 1e9);
    this.until = from + (long) (plan.seconds() * 1e9);
  }

  /// Does what it is told and prints the figures.
  ///
  /// @param args the plan
  public static void main(String[] args) throws Exception {
    LoadProcess process = new LoadProcess(LoadPlan.parse(args[0]));
    System.out.println(
        RESULT
            + switch (process.plan.phase()) {
              case "turns" -> process.turns();
              case "paced" -> process.paced();
              case "hold" -> process.hold();
              case "probe" -> process.probe();
              case "stream" -> process.stream();
              default -> throw new IllegalArgumentException("no phase " + process.plan.phase());
            });
  }

  private interface Work {
    void run(int client) throws Exception;
  }

  private void all(int clients, Work work) throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < clients; i++) {
        int client = i;
        running.add(
            threads.submit(() -> {
              work.run(client);
              return 0;
            }));
      }
      for (Future<?> one : running) one.get();
    }
  }

  /// Each client sends its next turn when it has the answer.
  private ObjectNode turns() throws Exception {
    announce();
    all(
        plan.clients(),
        client -> {
          // Sessions of all ages from the beginning on.
          LoadAgent agent = new LoadAgent(plan, door, 1 + client * plan.turns() / plan.clients());
          try (PlainHttp http = new PlainHttp(plan.port(), "")) {
            while (System.nanoTime() < until) {
              long sent = System.nanoTime();
              agent.turn(http);
              long now = System.nanoTime();
              if (sent >= from && now < until) times.add(now - sent);
              agent.goOn();
            }
          }
        });
    return times.json().put("turns_per_s", times.count() / plan.seconds());
  }

  /// Turns begin at fixed times, whether others have ended or not; a turn that begins late has
  /// waited for it.
  private ObjectNode paced() throws Exception {
    AtomicLong next = new AtomicLong();
    long begun = System.nanoTime();
    double gap = 1e9 / plan.rate();
    all(
        plan.clients(),
        client -> {
          LoadAgent agent = new LoadAgent(plan, door, 1 + client * plan.turns() / plan.clients());
          try (PlainHttp http = new PlainHttp(plan.port(), "")) {
            while (true) {
              long due = begun + (long) (next.getAndIncrement() * gap);
              if (due >= until) return;
              sleepUntil(due);
              agent.turn(http);
              if (due >= from) times.add(System.nanoTime() - due);
              // Before it takes the next time, so that no turn waits for a session's end.
              agent.goOn();
            }
          }
        });
    return times.json();
  }

  private void announce() {
    Thread.ofVirtual()
        .start(() -> {
          try {
            sleepUntil(from);
            System.out.println(MEASURING);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
  }

  private static void sleepUntil(long due) throws InterruptedException {
    long left = due - System.nanoTime();
    if (left > 0) TimeUnit.NANOSECONDS.sleep(left);
  }

  /// Opens sessions, fills each with one long turn, and then takes turns in any of them.
  private ObjectNode hold() throws Exception {
    List<LoadAgent> agents = new ArrayList<>();
    AtomicLong opened = new AtomicLong();
    long begun = System.nanoTime();
    int fillers = 8;
    all(
        fillers,
        filler -> {
          try (PlainHttp http = new PlainHttp(plan.port(), "")) {
            while (opened.getAndIncrement() < plan.clients()) {
              LoadAgent agent = new LoadAgent(plan, door, plan.turns());
              agent.turn(http);
              agent.goOn();
              synchronized (agents) {
                agents.add(agent);
              }
            }
          }
        });
    double filled = (System.nanoTime() - begun) / 1e9;
    System.out.println(FILLED);
    if (System.in.read() < 0) throw new IOException("nobody waits for the rest");
    AtomicLong next = new AtomicLong();
    long start = System.nanoTime();
    long end = start + (long) (plan.seconds() * 1e9);
    double gap = 1e9 / plan.rate();
    all(
        64,
        client -> {
          try (PlainHttp http = new PlainHttp(plan.port(), "")) {
            while (true) {
              long due = start + (long) (next.getAndIncrement() * gap);
              if (due >= end) return;
              sleepUntil(due);
              LoadAgent agent;
              synchronized (agents) {
                agent = agents.remove(ThreadLocalRandom.current().nextInt(agents.size()));
              }
              agent.turn(http);
              times.add(System.nanoTime() - due);
              agent.goOn();
              synchronized (agents) {
                agents.add(agent);
              }
            }
          }
        });
    return times.json().put("sessions", agents.size()).put("fill_s", filled);
  }

  /// Short requests at fixed times, which tell how long others hold them up.
  private ObjectNode probe() throws Exception {
    try (PlainHttp http = new PlainHttp(plan.port(), "")) {
      double gap = 1e9 / plan.rate();
      long begun = System.nanoTime();
      for (long i = 0; ; i++) {
        long due = begun + (long) (i * gap);
        if (due >= until) break;
        sleepUntil(due);
        http.post("/tokenize", "{\"prompt\":\"1 + 1\"}").ok();
        if (due >= from) times.add(System.nanoTime() - due);
      }
    }
    return times.json();
  }

  /// Streams that are read as bytes; how many ended.
  private ObjectNode stream() throws Exception {
    String body =
        """
        {"messages":[{"role":"user","content":"%s"}],"stream":true,"max_tokens":%d,"temperature":1.0}\
        """
            .formatted(plan.first(), plan.maxTokens());
    all(
        plan.clients(),
        client -> {
          try (PlainHttp http = new PlainHttp(plan.port(), "")) {
            while (System.nanoTime() < until) {
              long sent = System.nanoTime();
              String text = http.post("/v1/chat/completions", body).ok();
              if (!text.endsWith("data: [DONE]\n\n"))
                throw new IOException("a stream ended early: " + text);
              times.add(System.nanoTime() - sent);
            }
          }
        });
    return times.json();
  }

  /// How long things took.
  static final class Times {
    private final List<Long> nanos = new ArrayList<>(); // guarded by itself

    void add(long took) {
      synchronized (nanos) {
        nanos.add(took);
      }
    }

    int count() {
      synchronized (nanos) {
        return nanos.size();
      }
    }

    ObjectNode json() {
      synchronized (nanos) {
        long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
        return JSON.createObjectNode()
            .put("count", sorted.length)
            .put("p50_ms", at(sorted, 0.5))
            .put("p99_ms", at(sorted, 0.99))
            .put("max_ms", at(sorted, 1));
      }
    }

    private static double at(long[] sorted, double quantile) {
      return sorted.length == 0
          ? 0
          : sorted[Math.max(0, (int) Math.ceil(quantile * sorted.length) - 1)] / 1e6;
    }
  }
}
