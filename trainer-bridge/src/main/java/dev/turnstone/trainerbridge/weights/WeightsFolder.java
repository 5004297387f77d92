package dev.turnstone.trainerbridge.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.WeightsManifest.Checked;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Published weights, `<directory>/<lineage>/v<version>` each: `model.safetensors` and
/// `manifest.json`. A folder appears whole or not at all and never changes.
public final class WeightsFolder {
  static final String MODEL = "model.safetensors";

  /// What a folder that this server made of a base and a part holds; its `manifest.json` is the
  /// part's.
  static final String MERGED = "merged.json";

  private static final int KEPT = 2;
  private static final long MAX_MANIFEST_BYTES = 64L << 20;
  private static final long MAX_HEADER_BYTES = 100L << 20;

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
    delete(aside);
    Files.createDirectory(aside);
    Path model = aside.resolve(MODEL);
    tensors.write(model);
    String manifest = manifest(lineage, version, model).write();
    Files.writeString(aside.resolve(WeightsManifest.NAME), manifest);
    sync(model);
    sync(aside.resolve(WeightsManifest.NAME));
    sync(aside);
    delete(folder);
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

  /// Checks that a folder holds exactly the weights of that identity.
  ///
  /// @param made whether this server made it, so that [#MERGED] says what is in it: a trainer's
  ///   word for that is not bound to the identity
  /// @throws WeightsRejected with one sentence that says what differs
  static void verify(Path folder, WeightsId id, boolean made) throws WeightsRejected {
    try {
      Path file = folder.resolve(WeightsManifest.NAME);
      if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS) && id.lineage().equals(Weights.WIRE)) {
        require("the sha256 of the folder's files", id.sha256(), identity(folder));
        return;
      }
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
        throw new WeightsRejected("there is no " + WeightsManifest.NAME + " in " + folder);
      if (Files.size(file) > MAX_MANIFEST_BYTES)
        throw new WeightsRejected("the manifest is larger than 64 MiB: " + file);
      byte[] bytes = Files.readAllBytes(file);
      require("the manifest's sha256", id.sha256(), JsonText.sha256(bytes));
      WeightsManifest manifest = WeightsManifest.parse(new String(bytes, StandardCharsets.UTF_8));
      Path merged = folder.resolve(MERGED);
      verify(
          folder,
          id,
          made && Files.isRegularFile(merged, LinkOption.NOFOLLOW_LINKS)
              ? WeightsManifest.parse(Files.readString(merged))
              : manifest);
    } catch (IOException e) {
      throw new WeightsRejected("the weights in %s cannot be read: %s".formatted(folder, e));
    } catch (IllegalArgumentException e) {
      throw new WeightsRejected(String.valueOf(e.getMessage()));
    }
  }

  /// Names the safetensors of a folder without a manifest: one hash over their names and hashes.
  static String identity(Path folder) throws IOException, WeightsRejected {
    List<Path> files =
        list(folder).stream()
            .filter(file -> file.toString().endsWith(".safetensors"))
            .sorted()
            .toList();
    if (files.isEmpty()) throw new WeightsRejected("there are no safetensors in " + folder);
    StringBuilder names = new StringBuilder();
    for (Path file : files)
      names.append(file.getFileName()).append(' ').append(sha256(file)).append('\n');
    return JsonText.sha256(names.toString());
  }

  private static void verify(Path folder, WeightsId id, WeightsManifest manifest)
      throws IOException, WeightsRejected {
    require("the manifest's lineage", id.lineage(), manifest.lineage());
    require("the manifest's version", id.version(), manifest.version());
    if (manifest.files().isEmpty()) throw new WeightsRejected("the manifest lists no file");
    for (Path path : list(folder)) {
      String name = path.getFileName().toString();
      if (name.endsWith(".safetensors") && !manifest.files().containsKey(name))
        throw new WeightsRejected("the manifest does not list " + name);
    }
    for (Map.Entry<String, Checked> entry : manifest.files().entrySet()) {
      Path file = folder.resolve(entry.getKey());
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
        throw new WeightsRejected(entry.getKey() + " is not a file in " + folder);
      require("the size of " + entry.getKey(), entry.getValue().size(), Files.size(file));
      require("the sha256 of " + entry.getKey(), entry.getValue().sha256(), sha256(file));
    }
    verifyTensors(folder, manifest);
  }

  /// The files must hold exactly the tensors that the manifest lists, as it lists them, all finite.
  private static void verifyTensors(Path folder, WeightsManifest manifest)
      throws IOException, WeightsRejected {
    Map<String, JsonNode> left = new TreeMap<>(manifest.tensors());
    for (String name : new TreeMap<>(manifest.files()).keySet()) {
      if (!name.endsWith(".safetensors")) continue;
      Path file = folder.resolve(name);
      for (Map.Entry<String, JsonNode> tensor : tensors(file).entrySet()) {
        JsonNode listed = left.remove(tensor.getKey());
        if (listed == null)
          throw new WeightsRejected("the manifest does not list tensor " + tensor.getKey());
        for (String what : List.of("dtype", "shape"))
          require(
              "the %s of tensor %s".formatted(what, tensor.getKey()),
              listed.path(what),
              tensor.getValue().path(what));
      }
      Header header = header(file);
      Optional<String> why = TensorCheck.violation(file, header.data(), header.tensors());
      if (why.isPresent()) throw new WeightsRejected(why.get());
    }
    if (!left.isEmpty())
      throw new WeightsRejected(
          "tensor %s is in no file".formatted(left.keySet().iterator().next()));
  }

  private static void require(String what, Object expected, Object actual) throws WeightsRejected {
    if (!expected.equals(actual))
      throw new WeightsRejected("%s is not %s but %s".formatted(what, expected, actual));
  }

  static WeightsManifest manifest(String lineage, int version, Path model) throws IOException {
    Map<String, JsonNode> tensors = tensors(model);
    List<String> dtypes =
        tensors.values().stream().map(tensor -> tensor.path("dtype").asText()).distinct().toList();
    return new WeightsManifest(
        lineage,
        version,
        dtypes.size() == 1 ? dtypes.getFirst() : "mixed",
        Map.of(MODEL, new Checked(Files.size(model), sha256(model))),
        tensors,
        WeightsManifest.Kind.FULL,
        Optional.empty(),
        1);
  }

  /// Names, dtypes and shapes.
  private static Map<String, JsonNode> tensors(Path model) throws IOException {
    Map<String, JsonNode> tensors = new TreeMap<>();
    header(model)
        .tensors()
        .forEach((name, tensor) ->
            tensors.put(
                name,
                JsonText.object()
                    .<ObjectNode>set("dtype", tensor.path("dtype"))
                    .set("shape", tensor.path("shape"))));
    return tensors;
  }

  /// What a safetensors file says about itself: a u64 length, then JSON, then the numbers.
  ///
  /// @param data where the numbers begin
  record Header(long data, Map<String, JsonNode> tensors) {}

  static Header header(Path model) throws IOException {
    try (InputStream in = Files.newInputStream(model)) {
      byte[] length = in.readNBytes(8);
      if (length.length < 8) throw new IOException("not a safetensors file: " + model);
      long bytes = ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong();
      if (bytes < 2 || bytes > MAX_HEADER_BYTES)
        throw new IOException("not a safetensors file: header of %d bytes".formatted(bytes));
      String text = new String(in.readNBytes((int) bytes), StandardCharsets.UTF_8);
      Map<String, JsonNode> tensors = new TreeMap<>();
      for (Map.Entry<String, JsonNode> entry : JsonText.parse(text).properties())
        if (!entry.getKey().equals("__metadata__")) tensors.put(entry.getKey(), entry.getValue());
      return new Header(8 + bytes, tensors);
    }
  }

  private static String sha256(Path file) throws IOException {
    MessageDigest digest = JsonText.newSha256();
    try (InputStream in = Files.newInputStream(file)) {
      byte[] buffer = new byte[1 << 20];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer))
        digest.update(buffer, 0, read);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  static WeightsManifest read(Path folder) throws IOException {
    return WeightsManifest.parse(Files.readString(folder.resolve(WeightsManifest.NAME)));
  }

  /// The safetensors of a folder, in order of their names.
  static List<Path> safetensors(Path folder) throws IOException {
    return list(folder).stream()
        .filter(file -> file.toString().endsWith(".safetensors"))
        .sorted()
        .toList();
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
    for (Path old : versions) delete(old);
  }

  private static int version(Path folder) {
    return Integer.parseInt(folder.getFileName().toString().substring(1));
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> paths = Files.list(folder)) {
      return paths.toList();
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) return;
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) Files.delete(path);
    }
  }

  private static void sync(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
