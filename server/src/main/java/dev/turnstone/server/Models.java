package dev.turnstone.server;

import java.nio.file.Files;
import java.nio.file.Path;

/// Finds the folder of the model that a command line names.
final class Models {
  private static final String TINY = "tiny";

  private Models() {}

  /// `tiny` is the policy that comes with Turnstone; anything else is a folder.
  static Path folder(String model) {
    Path folder =
        model.equals(TINY)
            ? Path.of(System.getProperty("turnstone.home", ".")).resolve("models").resolve(TINY)
            : Path.of(model);
    if (!Files.isDirectory(folder))
      throw new StartupError("model folder %s does not exist".formatted(folder));
    return folder;
  }
}
