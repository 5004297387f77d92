package dev.turnstone.trainerbridge.runs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Rollout;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.log.LogKind;
import dev.turnstone.trainerbridge.log.Retention;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.Safetensors;
import dev.turnstone.trainerbridge.weights.Weights;
import dev.turnstone.trainerbridge.weights.WeightsFolder;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;

/// A server's bridge on a directory, with a scripted policy and environment and a clock that stands
/// still. Opening another on the same directory after [#close] is a restart.
public final class Bridge implements AutoCloseable {
  public static final PolicyIdentity IDENTITY =
      new PolicyIdentity("a".repeat(64), "b".repeat(64), ScriptedPolicy.VOCABULARY);

  public final ScriptedPolicy policy = new ScriptedPolicy();
  public final ScriptedEnvironment environment = new ScriptedEnvironment();
  public final AtomicLong now = new AtomicLong();
  public static final Retention.Policy KEEP =
      new Retention.Policy(Long.MAX_VALUE, Duration.ofDays(36500));

  public final TrajectoryLog log;
  public final Weights weights;
  public final Runs runs;
  private final Path directory;

  /// What the runs' clock meets when it asks for the time.
  volatile Runnable beforeTick = () -> {};

  public Bridge(Path directory) throws IOException, WeightsRejected, InterruptedException {
    this(directory, LogKind.SQLITE);
  }

  private Bridge(Path directory, TrajectoryLog log)
      throws IOException, WeightsRejected, InterruptedException {
    this.directory = directory;
    PlainFormat format = new PlainFormat();
    this.log = log;
    weights = weights(directory);
    runs =
        new Runs(
            log,
            new Rollout.Agent(policy, format, format),
            IDENTITY,
            name ->
                name.equals("python") ? Optional.<Environment>of(environment) : Optional.empty(),
            AgentDriver.NONE,
            weights,
            new Runs.Upkeep(KEEP, Duration.ofSeconds(2)),
            this::nanoTime);
  }

  /// Opens a bridge on a log of that kind.
  public Bridge(Path directory, LogKind kind)
      throws IOException, WeightsRejected, InterruptedException {
    this(directory, kind.open(directory));
  }

  private long nanoTime() {
    if (Thread.currentThread().getName().equals("runs-clock")) beforeTick.run();
    return now.get();
  }

  private Weights weights(Path root) throws WeightsRejected, InterruptedException {
    try {
      return Weights.open(log, policy, List.of(root));
    } catch (WeightsRejected e) {
      log.close();
      throw e;
    }
  }

  public static Bridge started(Path directory) throws Exception {
    return started(directory, LogKind.SQLITE);
  }

  public static Bridge started(Path directory, LogKind kind) throws Exception {
    Bridge bridge = new Bridge(directory, kind);
    bridge.runs.start();
    return bridge;
  }

  /// A run `r` of groups of two, four to a version, without staleness; `fields` override that.
  public Run run(String fields) {
    ObjectNode body = JsonText.object();
    body.put("run", "r").put("environment", "python");
    body.put("group_size", 2).put("max_staleness", 0).put("groups_per_version", 4);
    body.setAll((ObjectNode) JsonText.parse("{" + fields + "}"));
    RunSpec spec = RunSpec.parse(body, policy.contextLength());
    return switch (runs.create(spec)) {
      case Created.Fresh(Run run) -> run;
      case Created.Known(Run run) -> run;
      case Created.Refused(String why) -> throw new AssertionError(why);
    };
  }

  public Run found() {
    return runs.find("r").orElseThrow();
  }

  public static Submitted submit(Run run, String... names) {
    return run.submit(List.of(names).stream().map(Bridge::group).toList());
  }

  public static GroupRequest group(String name) {
    return GroupRequest.parse(
        JsonText.parse(
            """
            {"group":"%s","task":{"messages":[{"role":"user","content":"6*7"}],"data":{"answer":"42"}}}
            """
                .formatted(name)));
  }

  /// Makes weights and has a run's trainer apply them.
  public WeightsOutcome publish(
      String lineage, int version, Optional<String> run, OptionalLong epoch) throws IOException {
    WeightsFolder.Published published = published(directory, lineage, version, version);
    return runs.apply(
        new WeightsRequest(
            run, epoch, published.id(), published.folder(), Optional.empty(), Optional.empty()));
  }

  public WeightsOutcome publish(int version) throws IOException {
    return publish("base", version, Optional.empty(), OptionalLong.empty());
  }

  public static WeightsFolder.Published published(
      Path directory, String lineage, int version, float value) throws IOException {
    return new WeightsFolder(directory.resolve("weights"))
        .publish(lineage, version, file -> Safetensors.write(file, value));
  }

  /// The next event of that kind; others are passed over.
  public static <T extends RunEvent> T next(RunEvents.Watch watch, Class<T> type)
      throws InterruptedException {
    while (true) {
      RunEvent event =
          watch
              .next(Duration.ofSeconds(10))
              .orElseThrow(() -> new AssertionError("no " + type.getSimpleName() + " came"));
      if (type.isInstance(event)) return type.cast(event);
    }
  }

  /// Waits until so many groups have their seq.
  public static void settled(RunEvents.Watch watch, int groups) throws InterruptedException {
    int settled = 0;
    while (settled < groups) {
      RunEvent event =
          watch
              .next(Duration.ofSeconds(10))
              .orElseThrow(() -> new AssertionError("a group was not settled"));
      if (event instanceof RunEvent.GroupCompleted || event instanceof RunEvent.GroupDropped)
        settled++;
    }
  }

  /// Does what is due in every run, as its clock will.
  public void tick() {
    runs.all().forEach(Run::tick);
  }

  /// Ends as a killed process does: nothing is said to anybody.
  void kill() {
    runs.stopClock();
    log.close();
  }

  @Override
  public void close() {
    runs.close();
    log.close();
  }
}
