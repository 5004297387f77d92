package dev.turnstone.server;

import dev.turnstone.server.demo.DemoCommand;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.trainerbridge.log.LogException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/// The command line. Bad input is one sentence on standard error and exit code 2, a defect of ours
/// is exit code 1.
@Command(
    name = "turnstone",
    description = "Agentic rollout server for reinforcement learning of language models.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {
  static final int BAD_INPUT = 2;

  /// All subcommands, in the order of `--help`. Each is a picocli `@Command` in a class of its own.
  private static final List<Class<?>> COMMANDS =
      List.of(
          ServeCommand.class,
          EnvCommand.class,
          TasksCommand.class,
          LogCommand.class,
          SandboxCommand.class,
          TrainCommand.class,
          PretrainCommand.class,
          DemoCommand.class);

  private static final Logger log = LoggerFactory.getLogger(Main.class);

  @Spec private CommandSpec spec = CommandSpec.create();

  private Main() {}

  public static void main(String[] args) {
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    System.exit(run(out, err, args));
  }

  /// Runs a command line to its end.
  ///
  /// @return the exit code
  static int run(PrintWriter out, PrintWriter err, String... args) {
    return commandLine()
        .setOut(out)
        .setErr(err)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler((bad, rest) -> say(bad))
        .setExecutionExceptionHandler((failure, command, parsed) -> say(failure, command))
        .execute(args);
  }

  /// `turnstone` with all its subcommands.
  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Main());
    COMMANDS.forEach(line::addSubcommand);
    return line;
  }

  private static int say(ParameterException bad) {
    CommandLine command = bad.getCommandLine();
    String name = command.getCommandSpec().qualifiedName();
    String sentence =
        String.valueOf(bad.getMessage()).lines().findFirst().orElse("").replaceFirst("\\.$", "");
    String hint =
        bad instanceof UnmatchedArgumentException unmatched && !unmatched.getSuggestions().isEmpty()
            ? "did you mean %s? see ".formatted(unmatched.getSuggestions().getFirst())
            : "see ";
    command.getErr().printf("%s: %s; %s%s --help%n", name, sentence, hint, name);
    return BAD_INPUT;
  }

  private static int say(Exception failure, CommandLine command) {
    String name = command.getCommandSpec().qualifiedName();
    if (failure instanceof StartupError) {
      command.getErr().printf("%s: %s%n", name, failure.getMessage());
      return BAD_INPUT;
    }
    if (failure instanceof LogException) {
      command.getErr().printf("%s: %s%n", name, failure.getMessage());
      return 1;
    }
    log.error("defect", failure);
    command.getErr().printf("%s: a defect of Turnstone's, see the log above%n", name);
    return 1;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Name a command");
  }

  /// The version this was built as.
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"turnstone " + (version == null ? "0.1.0-dev" : version)};
    }
  }
}
