package dev.turnstone.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.log.LogArchive;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `turnstone log rescore`: stored conversations under other rewards. The reward that a rollout was
/// trained with stays; the new score is kept beside it under a name.
@Command(
    name = "rescore",
    description = "Scores stored trajectories again; the old rewards stay beside the new scores.",
    mixinStandardHelpOptions = true)
final class LogRescoreCommand implements Callable<Integer> {
  @Option(
      names = "--rewards",
      required = true,
      paramLabel = "FILE",
      description = "YAML or JSON of an environment, of which only rewards counts.")
  private Path file = Path.of("");

  @Option(
      names = "--as",
      paramLabel = "NAME",
      description = "Name of the scores; the environment's name.")
  private Optional<String> name = Optional.empty();

  @Option(
      names = "--tool-address",
      paramLabel = "ADDRESS",
      description = "Private address that verifiers and judges may have; may be repeated.")
  private List<String> addresses = List.of();

  @Option(names = "--dry-run", description = "Prints the scores without storing them.")
  private boolean dryRun;

  @Mixin private LogCommand.Place place = new LogCommand.Place();
  @Mixin private LogFilterOptions options = new LogFilterOptions();
  @Spec private CommandSpec spec = CommandSpec.create();

  private int scored;
  private int changed;
  private int failed;

  @Override
  public Integer call() throws InterruptedException {
    EnvironmentSpec given = EnvironmentFile.read(file);
    if (given.rewards().isEmpty()) throw new StartupError("there are no rewards in " + file);
    EnvironmentSpec rewards = new EnvironmentSpec(given.environment(), List.of(), given.rewards());
    String as = named(name.orElse(given.environment()));
    try (LogArchive archive = place.open();
        Environments environments =
            new Environments(policy(), key -> Optional.ofNullable(System.getenv(key)))) {
      environments.register(rewards);
      var filter = options.filter(archive, Integer.MAX_VALUE);
      if (dryRun)
        archive.forEach(
            filter,
            (line, trajectory) ->
                score(archive, environments, line, trajectory, as, Optional.empty()));
      else
        try (TrajectoryLog log = TrajectoryLog.at(place.name())) {
          archive.forEach(
              filter,
              (line, trajectory) ->
                  score(archive, environments, line, trajectory, as, Optional.of(log)));
        }
    } catch (IOException | IllegalArgumentException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    }
    spec.commandLine()
        .getOut()
        .printf(
            "%d scored as %s, %d of them differently, %d failed%n", scored, as, changed, failed);
    return failed > 0 ? 1 : 0;
  }

  private void score(
      LogArchive archive,
      Environments environments,
      LogArchive.Line line,
      Trajectory trajectory,
      String as,
      Optional<TrajectoryLog> log)
      throws InterruptedException {
    Task stored = archive.task(line.id().run(), line.id().group()).orElseThrow();
    Task task =
        new Task(
            stored.id(),
            stored.messages(),
            environments.list().getFirst().environment(),
            stored.data());
    Optional<Double> old = trajectory.reward().map(Reward::value);
    List<Double> steps =
        trajectory.reward().map(reward -> List.copyOf(reward.turns().values())).orElse(List.of());
    try {
      Reward fresh = environments.score(task, trajectory.transcript(), steps).orElseThrow();
      log.ifPresent(open -> open.scores().put(line.id(), as, fresh));
      scored++;
      if (!old.equals(Optional.of(fresh.value()))) changed++;
      ObjectNode said = Wire.JSON.createObjectNode().put("id", line.id().toString());
      old.ifPresentOrElse(value -> said.put("reward", value), () -> said.putNull("reward"));
      spec.commandLine().getOut().println(Wire.text(said.put(as, fresh.value())));
    } catch (EnvironmentLost e) {
      failed++;
      spec.commandLine().getErr().printf("%s: %s%n", line.id(), e.getMessage());
    }
  }

  private static String named(String name) {
    try {
      RunSpec.requireName("--as", name);
      return name;
    } catch (IllegalArgumentException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    }
  }

  private ToolAddressPolicy policy() {
    try {
      return ToolAddressPolicy.of(addresses);
    } catch (IllegalArgumentException e) {
      throw new StartupError("--tool-address: " + e.getMessage());
    }
  }
}
