package dev.turnstone.trainerbridge.weights;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.WeightsManifest.Checked;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// Published weights, `<directory>/<lineage>/v<version>` each: `model.safetensors` and
/// `manifest.json`. A folder appears whole or not at all and never changes.
public final class WeightsFolder {
  static final String MODEL = "model.safetensors";

  /// What a folder that this server made of a base and a part holds; its `manifest.json` is the
  /// part's.
  static final String MERGED = "merged.json";

  private static final int KEPT = 2;

  private final Path directory;

  /// Publishes under a directory, which is made when needed.
  public WeightsFolder(Path directory) {
    this.directory = directory;
  }

  /// Writes the tensors of one version.
  @FunctionalInterface
  public interface TensorWriter {
    /// Writes a whole safetensors file.
    void write(Path file) throws IOException;
  }

  /// Weights that a server can be told of.
  public record Published(WeightsId id, Path folder) {}

  /// Publishes a version: writes it aside, syncs it, renames it, and keeps the lineage's last two.
  public Published publish(String lineage, int version, TensorWriter tensors) throws IOException {
    RunSpec.requireName("lineage", lineage);
    Path parent = Files.createDirectories(directory.resolve(lineage).toAbsolutePath());
    Path folder = parent.resolve("v" + version);
    Path aside = parent.resolve("v" + version + ".tmp");
    WeightsStore.delete(aside);
    Files.createDirectory(aside);
    Path model = aside.resolve(MODEL);
    tensors.write(model);
    String manifest = manifest(lineage, version, model).write();
    Files.writeString(aside.resolve(WeightsManifest.NAME), manifest);
    sync(model);
    sync(aside.resolve(WeightsManifest.NAME));
    sync(aside);
    WeightsStore.delete(folder);
    Files.move(aside, folder, StandardCopyOption.ATOMIC_MOVE);
    sync(parent);
    retain(parent, version);
    return new Published(new WeightsId(lineage, version, JsonText.sha256(manifest)), folder);
  }

  /// The folder of a published version, unless it is gone by now.
  public Optional<Path> find(String lineage, int version) {
    Path folder = directory.resolve(lineage).resolve("v" + version).toAbsolutePath();
    return Files.isDirectory(folder) ? Optional.of(folder) : Optional.empty();
  }

  static WeightsManifest manifest(String lineage, int version, Path model) throws IOException {
    Map<String, JsonNode> tensors = SafetensorsHeader.read(model).described();
    List<String> dtypes =
        tensors.values().stream().map(tensor -> tensor.path("dtype").asText()).distinct().toList();
    return new WeightsManifest(
        lineage,
        version,
        dtypes.size() == 1 ? dtypes.getFirst() : "mixed",
        Map.of(MODEL, new Checked(Files.size(model), FileSum.sha256(model))),
        tensors,
        WeightsManifest.Kind.FULL,
        Optional.empty(),
        1,
        WeightsManifest.Wish.NONE);
  }

  /// A server may still have to load the version before the newest.
  private static void retain(Path parent, int newest) throws IOException {
    List<Path> versions =
        list(parent).stream()
            .filter(path -> path.getFileName().toString().matches("v\\d{1,9}"))
            .sorted(Comparator.comparingInt(WeightsFolder::version).reversed())
            .filter(path -> version(path) <= newest)
            .skip(KEPT)
            .toList();
    for (Path old : versions) WeightsStore.delete(old);
  }

  private static int version(Path folder) {
    return Integer.parseInt(folder.getFileName().toString().substring(1));
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> paths = Files.list(folder)) {
      return paths.toList();
    }
  }

  private static void sync(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
