package dev.turnstone.server;

import java.nio.file.Files;
import java.nio.file.Path;

/// Loads what `--model` names.
final class ModelFolder {
  private ModelFolder() {}

  static Served load(String model, Metrics metrics) {
    Path folder = Path.of(model);
    if (!Files.isDirectory(folder))
      throw new StartupError("model folder %s does not exist".formatted(model));
    throw new StartupError("not yet");
  }
}
