package dev.turnstone.trainerbridge.weights;

import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/// The folders below which weights may lie, after links are resolved. The first also holds what the
/// server keeps.
record WeightsRoots(List<Path> folders) {
  WeightsRoots {
    folders = List.copyOf(folders);
  }

  Path first() {
    return folders.getFirst();
  }

  /// Where the folder really is, once it is known to lie under a root.
  Path find(Path folder) throws WeightsRejected {
    Path real = real(folder);
    boolean allowed = false;
    for (Path root : folders) allowed |= real.startsWith(real(root));
    if (!allowed)
      throw new WeightsRejected(
          "no configured root holds the weights in %s: start the server with --weight-root"
              .formatted(folder));
    return real;
  }

  private static Path real(Path path) throws WeightsRejected {
    try {
      return path.toRealPath();
    } catch (IOException e) {
      throw new WeightsRejected("there is no folder " + path);
    }
  }
}
