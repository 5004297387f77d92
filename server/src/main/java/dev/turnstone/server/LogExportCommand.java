package dev.turnstone.server;

import dev.turnstone.rollout.Task;
import dev.turnstone.server.export.Export;
import dev.turnstone.server.export.Stored;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.trainerbridge.log.LogArchive;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `turnstone log export`: trajectories as files.
@Command(
    name = "export",
    description = "Writes trajectories as JSON lines, Parquet, verl's tensors or a dataset folder.",
    mixinStandardHelpOptions = true)
final class LogExportCommand implements Callable<Integer> {
  @Parameters(paramLabel = "TARGET", description = "File or folder; must not be there yet.")
  private Path target = Path.of("");

  @Option(
      names = "--format",
      required = true,
      paramLabel = "jsonl|parquet|verl|dataset",
      description = "What to write; verl and dataset are folders.")
  private Export.Format format = Export.Format.JSONL;

  @Mixin private LogCommand.Place place = new LogCommand.Place();
  @Mixin private LogFilterOptions options = new LogFilterOptions();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() throws InterruptedException {
    try (LogArchive log = place.open()) {
      var filter = options.filter(log, Integer.MAX_VALUE);
      Map<String, Task> tasks = new HashMap<>();
      int written;
      try (Export export = Export.to(format, target)) {
        written =
            log.forEach(
                filter,
                (line, trajectory) -> {
                  Task task =
                      tasks.computeIfAbsent(
                          line.id().run() + "/" + line.id().group(),
                          _ -> log.task(line.id().run(), line.id().group()).orElseThrow());
                  export.add(new Stored(line, task, trajectory, log.scores(line.id())));
                });
        export.finish();
      }
      spec.commandLine().getOut().printf("%d trajectories are in %s%n", written, target);
      return 0;
    } catch (IOException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    }
  }
}
