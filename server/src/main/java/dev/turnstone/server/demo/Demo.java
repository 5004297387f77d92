package dev.turnstone.server.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The demo's own part, on one thread: it submits tasks, watches, and writes down what came of
/// them. All else happens in its three processes.
final class Demo {
  private static final Duration TICK = Duration.ofMillis(250);
  private static final int SHOWN = 3;

  private final DemoFolder folder;
  private final DemoProcesses processes;
  private final DemoScreen screen;
  private final long seed;
  private final int steps;
  private final String algorithm;
  private final DemoTasks tasks;
  private final DemoHistory history;
  private final long started = System.nanoTime();
  private final DemoPace pace = new DemoPace(started);

  private int stepsBefore;
  private int finished;
  private int version;

  Demo(
      DemoFolder folder,
      DemoProcesses processes,
      DemoScreen screen,
      long seed,
      int steps,
      String algorithm) {
    this.folder = folder;
    this.processes = processes;
    this.screen = screen;
    this.seed = seed;
    this.steps = steps;
    this.algorithm = algorithm;
    this.tasks = new DemoTasks(seed);
    this.history =
        new DemoHistory(folder.path("groups.jsonl"), folder.path("trainer/metrics.jsonl"));
  }

  DemoSummary run() throws InterruptedException {
    stepsBefore = history.steps().size();
    screen.skip(stepsBefore);
    try (DemoErrorSandbox useless = DemoErrorSandbox.start()) {
      DemoProcess sandbox =
          processes.start("sandbox", List.of("sandbox", "--port", "" + folder.sandboxPort()));
      String sandboxUrl = sandbox.url();
      folder.rememberSandboxPort(DemoProcesses.port(sandboxUrl));
      DemoProcess server = processes.start("server", serve(sandboxUrl, useless));
      try (DemoClient client = new DemoClient(server.url())) {
        client.registerEnvironment(DemoRun.environment("python", sandboxUrl));
        client.createRun(
            DemoRun.run(DemoRun.NAME, "python", DemoRun.GROUP_SIZE, DemoRun.GROUPS_PER_STEP, seed)
                .put("greedy_baseline", algorithm.equals("remax")));
        train(client, sandbox, server);
        double withoutTool =
            new DemoEvaluation(client, tasks, seed)
                .rewardWithout("http://127.0.0.1:" + useless.port());
        return report(client, withoutTool);
      }
    }
  }

  private List<String> serve(String sandbox, DemoErrorSandbox useless) {
    return List.of(
        "serve",
        "--model=tiny",
        "--port=0",
        "--data=" + folder.path("data"),
        "--weight-root=" + folder.path("trainer"),
        "--tool-address=127.0.0.1:" + DemoProcesses.port(sandbox),
        "--tool-address=127.0.0.1:" + useless.port());
  }

  private void train(DemoClient client, DemoProcess sandbox, DemoProcess server)
      throws InterruptedException {
    try (DemoEvents events = DemoEvents.of(client, DemoRun.NAME)) {
      submit(client);
      learnOfMissed(client);
      DemoProcess trainer =
          processes.start(
              "trainer",
              List.of(
                  "train",
                  "--server=" + client.server(),
                  "--run=" + DemoRun.NAME,
                  "--dir=" + folder.path("trainer"),
                  "--steps=" + steps,
                  "--algorithm=" + algorithm,
                  "--final-learning-rate=" + DemoRun.LEARNING_RATE / 10,
                  "--learning-rate=" + DemoRun.LEARNING_RATE));
      while (!trainer.hasEnded(Duration.ZERO)) {
        sandbox.checkAlive();
        server.checkAlive();
        for (DemoClient.Event event : events.take(TICK)) happened(event, client);
        history.readMetrics();
        screen.show(view());
      }
      learnOfMissed(client);
      history.readMetrics();
      screen.show(view());
    }
  }

  /// Every step's groups, and one more for each that was dropped; those known already stay.
  private void submit(DemoClient client) {
    int groups = steps * DemoRun.GROUPS_PER_STEP + history.dropped();
    client.submit(DemoRun.NAME, tasks.training(0, groups));
  }

  /// Asks for groups that finished while nobody watched.
  private void learnOfMissed(DemoClient client) {
    for (DemoTasks.Task task : tasks.training(0, steps * DemoRun.GROUPS_PER_STEP))
      if (!history.knows(task.group())) learnOf(task.group(), client);
  }

  private void learnOf(String group, DemoClient client) {
    client
        .group(DemoRun.NAME, group)
        .filter(state -> state.path("seq").isInt())
        .ifPresent(history::add);
    if (history.delivered().size() >= SHOWN && folder.read("before.json").isEmpty())
      folder.write("before.json", trajectories(client, history.delivered().subList(0, SHOWN)));
  }

  private void happened(DemoClient.Event event, DemoClient client) {
    JsonNode data = event.data();
    switch (event.name()) {
      case "rollout" -> {
        finished++;
        pace.add(System.nanoTime(), data.path("generated_tokens").asInt());
      }
      case "group" -> learnOf(data.path("group").asText(), client);
      case "dropped" -> {
        learnOf(data.path("group").asText(), client);
        submit(client);
      }
      case "weights" -> version = data.path("version").asInt();
      default -> {
        // stats come from the trainer's own file, lost and end change nothing here.
      }
    }
  }

  private DemoScreen.View view() {
    List<DemoStep> done = history.steps();
    long now = System.nanoTime();
    int made = done.size() - stepsBefore;
    Duration left =
        made <= 0
            ? Duration.ZERO
            : Duration.ofNanos((now - started) / made * Math.max(0, steps - done.size()));
    return new DemoScreen.View(steps, done, version, pace.tokensPerSecond(now), finished, left);
  }

  private DemoSummary report(DemoClient client, double withoutTool) {
    List<DemoGroup> delivered = history.delivered();
    List<DemoGroup> last =
        delivered.subList(Math.max(0, delivered.size() - SHOWN), delivered.size());
    Path file = folder.path("report.html");
    DemoSummary summary =
        new DemoSummary(
            history.steps(), withoutTool, Duration.ofNanos(System.nanoTime() - started), file);
    List<JsonNode> before = new ArrayList<>();
    folder.read("before.json").ifPresent(saved -> saved.forEach(before::add));
    List<JsonNode> after = new ArrayList<>();
    trajectories(client, last).forEach(after::add);
    folder.writeText("report.html", new DemoReport(summary, before, after).html());
    return summary;
  }

  /// The first trajectory of each group.
  private static ArrayNode trajectories(DemoClient client, List<DemoGroup> groups) {
    ArrayNode trajectories = DemoClient.JSON.createArrayNode();
    for (DemoGroup group : groups) {
      Optional<JsonNode> first =
          group.rollouts().isEmpty()
              ? Optional.empty()
              : client.rollout(DemoRun.NAME, group.name(), group.rollouts().getFirst().index());
      first.ifPresent(trajectories::add);
    }
    return trajectories;
  }
}
