package dev.turnstone.server;

import dev.turnstone.server.http.StartupError;
import dev.turnstone.trainerbridge.log.LogArchive;
import dev.turnstone.trainerbridge.log.LogArchive.Line;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `turnstone log`: what servers recorded, also while they run.
@Command(
    name = "log",
    description = "Lists, shows, exports and re-scores recorded trajectories.",
    mixinStandardHelpOptions = true,
    subcommands = {
      LogListCommand.class,
      LogShowCommand.class,
      LogExportCommand.class,
      LogRescoreCommand.class
    },
    synopsisSubcommandLabel = "COMMAND")
final class LogCommand implements Runnable {
  private static final Pattern ID = Pattern.compile("([^/#]+)/([^/#]+)/(\\d{1,6})(?:#(\\d{1,6}))?");

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Name a command");
  }

  /// Where the log is.
  static final class Place {
    @Option(
        names = "--log",
        paramLabel = "DIR|URL",
        description =
            "A server's data folder, or jdbc:postgresql://HOST/DATABASE; also in "
                + ServeCommand.LOG_VARIABLE
                + "; ./turnstone-data.")
    private Optional<String> log = Optional.empty();

    String name() {
      return log.or(() -> Optional.ofNullable(System.getenv(ServeCommand.LOG_VARIABLE)))
          .filter(value -> !value.isBlank())
          .orElse("./turnstone-data");
    }

    LogArchive open() {
      String name = name();
      if (name.startsWith("jdbc:") && !name.startsWith("jdbc:postgresql:"))
        throw new StartupError(
            "--log must be a folder or a jdbc:postgresql: URL, but is one of "
                + name.split(":", 3)[1]);
      try {
        return LogArchive.open(name);
      } catch (IOException e) {
        throw new StartupError(String.valueOf(e.getMessage()));
      }
    }
  }

  /// What an id such as `demo/g-12/3` or `demo/g-12/3#1` names; the newest attempt without `#`.
  static Line find(LogArchive log, String id) {
    Matcher parts = ID.matcher(id);
    if (!parts.matches())
      throw new StartupError("an id is RUN/GROUP/INDEX or RUN/GROUP/INDEX#ATTEMPT, not " + id);
    OptionalInt attempt =
        parts.group(4) == null
            ? OptionalInt.empty()
            : OptionalInt.of(Integer.parseInt(parts.group(4)));
    return log.find(parts.group(1), parts.group(2), Integer.parseInt(parts.group(3)), attempt)
        .orElseThrow(() -> new StartupError("the log has no rollout " + id));
  }
}
