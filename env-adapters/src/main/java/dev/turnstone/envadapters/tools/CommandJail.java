package dev.turnstone.envadapters.tools;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Starts an operator's program where it can harm nothing: in namespaces of its own, as nobody,
/// with a clean environment.
@FunctionalInterface
public interface CommandJail {
  /// Where no jail can be had.
  CommandJail NONE =
      _ -> {
        throw new IOException("this process has no jail for commands");
      };

  /// Starts a program with pipes for its streams. Killing the process kills all that it started.
  ///
  /// @throws IOException with one sentence if it cannot be started
  Process start(Program program) throws IOException;

  /// What to run.
  ///
  /// @param command the program and its arguments; what is under `/usr` is there
  /// @param variables all of its environment but PATH, HOME and the locale
  /// @param readOnly folders and files of the host that it sees under the same path
  /// @param network whether it may use the host's network
  record Program(
      List<String> command, Map<String, String> variables, List<Path> readOnly, boolean network) {}
}
