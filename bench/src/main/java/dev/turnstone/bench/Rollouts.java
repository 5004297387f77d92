package dev.turnstone.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.rollout.Rollout;
import dev.turnstone.trainerbridge.log.Retention;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.runs.AgentDriver;
import dev.turnstone.trainerbridge.runs.Created;
import dev.turnstone.trainerbridge.runs.Run;
import dev.turnstone.trainerbridge.runs.RunEvent;
import dev.turnstone.trainerbridge.runs.RunEvents;
import dev.turnstone.trainerbridge.runs.Runs;
import dev.turnstone.trainerbridge.runs.Submitted;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// How near many rollouts come to what their tools alone would take: a scripted policy, an HTTP
/// tool in another process that answers in a second, and the durable log.
final class Rollouts implements Benchmark {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int GROUP_SIZE = 8;
  private static final int TOOL_MILLIS = 1000;
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final PolicyIdentity IDENTITY =
      new PolicyIdentity("a".repeat(64), "b".repeat(64), ScriptedPolicy.VOCABULARY);

  @Override
  public String name() {
    return "rollouts";
  }

  @Override
  public String summary() {
    return "[ROLLOUTS [TURNS]]: rollouts against a tool that takes 1 s, over the tools' own time; 2000 of 6";
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    if (arguments.size() > 2) throw new IllegalArgumentException("arguments are " + summary());
    int rollouts = positive("ROLLOUTS", arguments, 0, 2000);
    int turns = positive("TURNS", arguments, 1, 6);
    int groups = (rollouts + GROUP_SIZE - 1) / GROUP_SIZE;
    Path folder = Files.createTempDirectory("turnstone-bench-rollouts");
    try (SlowTool.Child tool = SlowTool.start();
        TrajectoryLog log = TrajectoryLog.open(folder);
        Environments environments =
            new Environments(ToolAddressPolicy.of(List.of("127.0.0.1")), _ -> Optional.empty())) {
      environments.register(environment("quick", tool.url(0)));
      environments.register(environment("slow", tool.url(TOOL_MILLIS)));
      ScriptedPolicy policy = new ScriptedPolicy();
      StubAgent calls = new StubAgent();
      Weights weights = Weights.open(log, policy, List.of(folder));
      try (Runs runs =
          new Runs(
              log,
              new Rollout.Agent(policy, calls, calls),
              IDENTITY,
              environments::lookup,
              AgentDriver.NONE,
              weights,
              new Runs.Upkeep(
                  new Retention.Policy(1L << 30, Duration.ofDays(1)), Duration.ofSeconds(10)),
              System::nanoTime)) {
        runs.start();
        play(runs, "quick", groups, turns);
        double wall = play(runs, "slow", groups, turns);
        double ideal = turns * TOOL_MILLIS / 1000.0;
        return JSON.createObjectNode()
            .put("rollouts", groups * GROUP_SIZE)
            .put("turns", turns)
            .put("wall_s", round(wall))
            .put("ideal_s", ideal)
            .put("ratio", round(wall / ideal));
      }
    } finally {
      delete(folder);
    }
  }

  /// Seconds from the first group's submission until the last one is settled.
  private static double play(Runs runs, String environment, int groups, int turns)
      throws InterruptedException {
    ObjectNode body = JSON.createObjectNode().put("run", environment);
    body.put("environment", environment).put("group_size", GROUP_SIZE);
    body.put("max_staleness", 0).put("groups_per_version", groups);
    body.putObject("limits").put("max_turns", turns).put("wall_time_s", 300);
    if (!(runs.create(RunSpec.parse(body, 1 << 16)) instanceof Created.Fresh(Run run)))
      throw new IllegalStateException("the run was not created");
    List<GroupRequest> requests = new ArrayList<>();
    for (int i = 0; i < groups; i++) requests.add(group("g-" + i));
    try (RunEvents.Watch watch = run.events().watch()) {
      long started = System.nanoTime();
      if (!(run.submit(requests) instanceof Submitted.Accepted))
        throw new IllegalStateException("the groups were not accepted");
      for (int settled = 0; settled < groups; ) {
        RunEvent event =
            watch.next(PATIENCE).orElseThrow(() -> new IllegalStateException("rollouts are stuck"));
        if (event instanceof RunEvent.GroupDropped)
          throw new IllegalStateException("a group was dropped: " + event.toJson());
        if (event instanceof RunEvent.GroupCompleted) settled++;
      }
      return (System.nanoTime() - started) / 1e9;
    }
  }

  private static GroupRequest group(String name) {
    ObjectNode body = JSON.createObjectNode().put("group", name);
    ObjectNode task = body.putObject("task");
    task.putArray("messages").addObject().put("role", "user").put("content", "Call the tool.");
    task.putObject("data").put("answer", "4");
    return GroupRequest.parse(body);
  }

  private static EnvironmentSpec environment(String name, String url) {
    ObjectNode body = JSON.createObjectNode().put("environment", name);
    ObjectNode tool = body.putArray("tools").addObject().put("kind", "http").put("name", "tool");
    tool.put("description", "Answers.").put("url", url).put("timeout_s", 60);
    body.putArray("rewards").addObject().put("kind", "exact_match");
    return EnvironmentSpec.parse(body);
  }

  private static int positive(String name, List<String> arguments, int index, int usual) {
    if (index >= arguments.size()) return usual;
    try {
      int value = Integer.parseInt(arguments.get(index));
      if (value > 0) return value;
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new IllegalArgumentException(
        name + " must be an integer above 0, but is " + arguments.get(index));
  }

  private static double round(double value) {
    return Math.round(value * 1000) / 1000.0;
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(file);
    }
  }
}
