package dev.turnstone.server;

import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.server.http.StartupError;
import java.nio.file.Path;

/// An environment that the operator wrote as YAML or JSON.
final class EnvironmentFile {
  private EnvironmentFile() {}

  /// Reads a file.
  ///
  /// @throws StartupError if it is no environment
  static EnvironmentSpec read(Path file) {
    try {
      return EnvironmentSpec.ofOperator(Settings.read(file));
    } catch (InvalidEnvironment e) {
      throw new StartupError("environment file %s: %s".formatted(file, e.getMessage()));
    }
  }
}
