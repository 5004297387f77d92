package dev.turnstone.server.demo;

import dev.turnstone.trainerbridge.algorithm.Algorithm;
import java.io.Console;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `turnstone demo`: the whole of Turnstone on one machine, in minutes.
@Command(
    name = "demo",
    description =
        "Trains a small policy to use a Python sandbox. The last line of standard output is one JSON object.",
    mixinStandardHelpOptions = true)
public final class DemoCommand implements Callable<Integer> {
  private static final DateTimeFormatter NOW = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");
  private static final int INTERRUPTED = 128 + 2;

  @Option(names = "--seed", paramLabel = "N", description = "Of tasks and sampling; 1.")
  private long seed = 1;

  @Option(names = "--steps", paramLabel = "N", description = "Training steps; 60.")
  private int steps = 60;

  @Option(
      names = "--algorithm",
      paramLabel = "NAME",
      completionCandidates = Algorithm.Names.class,
      description = "Of training: ${COMPLETION-CANDIDATES}; ${DEFAULT-VALUE}.")
  private String algorithm = "grpo";

  @Option(
      names = "--dir",
      paramLabel = "DIR",
      description = "Holds all of it, and goes on where it stopped; a new folder.")
  private Optional<Path> dir = Optional.empty();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() throws InterruptedException {
    int most = new DemoTasks(seed).size() / DemoRun.GROUPS_PER_STEP / 2;
    if (steps < 1 || steps > most)
      throw new ParameterException(
          spec.commandLine(), "--steps must be from 1 to %d, but is %d".formatted(most, steps));
    try {
      Algorithm.named(algorithm);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--algorithm: " + e.getMessage(), e);
    }
    Path root = dir.orElseGet(DemoCommand::newFolder);
    boolean terminal =
        Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent();
    PrintStream out = System.out;
    try (DemoFolder folder = DemoFolder.open(root, seed, algorithm);
        DemoProcesses processes = new DemoProcesses(folder.path("logs"))) {
      DemoScreen screen = new DemoScreen(out, terminal);
      screen.say(
          "demo in %s; to go on there: turnstone demo --seed %d --algorithm %s --dir %s"
              .formatted(root, seed, algorithm, root));
      try {
        DemoSummary summary = new Demo(folder, processes, screen, seed, steps, algorithm).run();
        out.println(summary.json());
        return 0;
      } catch (DemoFailure failure) {
        if (processes.areStopping()) return INTERRUPTED;
        spec.commandLine().getErr().println("turnstone demo: " + failure.getMessage());
        return 1;
      }
    }
  }

  private static Path newFolder() {
    Path home = Path.of(System.getProperty("turnstone.home", "."));
    return home.resolve(
        ".turnstone", "demo", LocalDateTime.now(ZoneId.systemDefault()).format(NOW));
  }
}
