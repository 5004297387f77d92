package dev.turnstone.server;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.server.http.StartupError;
import java.nio.file.Path;

/// An environment that the operator wrote as YAML or JSON: entries of tools and rewards, or the
/// name of one that is written in Java.
final class EnvironmentFile {
  private EnvironmentFile() {}

  /// Reads a file of tools and rewards.
  ///
  /// @throws StartupError if it is none
  static EnvironmentSpec read(Path file) {
    JsonNode body = Settings.read(file);
    if (body.has("java"))
      throw new StartupError(
          "environment file %s names an environment in Java, which has no rewards that can be read"
              .formatted(file));
    try {
      return EnvironmentSpec.ofOperator(body);
    } catch (InvalidEnvironment e) {
      throw new StartupError("environment file %s: %s".formatted(file, e.getMessage()));
    }
  }

  /// Reads a file and registers what it says. It is not stored: the file is the truth.
  ///
  /// @return its name
  /// @throws StartupError if it is no environment
  static String register(Path file, Environments environments) {
    JsonNode body = Settings.read(file);
    try {
      if (body.has("java")) {
        JavaEnvironment java = JavaEnvironment.read(body);
        environments.register(java.environment(), java.create());
        return java.environment();
      }
      EnvironmentSpec spec = EnvironmentSpec.ofOperator(body);
      environments.register(spec);
      return spec.environment();
    } catch (InvalidEnvironment | StartupError e) {
      throw new StartupError("environment file %s: %s".formatted(file, e.getMessage()));
    }
  }
}
