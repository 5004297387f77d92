package dev.turnstone.trainerbridge.weights;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.weights.WeightsManifest.Checked;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Whether a folder holds exactly the weights of an identity. What its manifest and headers say is
/// checked first, which takes no time; [#bytes] reads everything.
final class WeightsCheck {
  private static final long MAX_MANIFEST_BYTES = 64L << 20;

  private final Path folder;
  private final WeightsId id;
  private final Optional<WeightsManifest> manifest;
  private final Optional<WeightsManifest> contents;
  private final Map<Path, SafetensorsHeader> headers = new TreeMap<>();

  /// @param manifest the identity's; empty if the folder's name is the hash of its files
  /// @param contents what the folder must hold
  private WeightsCheck(
      Path folder,
      WeightsId id,
      Optional<WeightsManifest> manifest,
      Optional<WeightsManifest> contents) {
    this.folder = folder;
    this.id = id;
    this.manifest = manifest;
    this.contents = contents;
  }

  /// Checks manifest, names, sizes and headers.
  ///
  /// @param made whether this server made the folder, so that [WeightsFolder#MERGED] says what is
  ///   in it: a trainer's word for that is not bound to the identity
  /// @throws WeightsRejected with one sentence that says what differs
  static WeightsCheck begin(Path folder, WeightsId id, boolean made) throws WeightsRejected {
    return sayingWhy(
        folder,
        () -> {
          Path file = folder.resolve(WeightsManifest.NAME);
          if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS) && id.lineage().equals(Weights.WIRE))
            return new WeightsCheck(folder, id, Optional.empty(), Optional.empty());
          WeightsManifest manifest = manifest(file, id);
          Path merged = folder.resolve(WeightsFolder.MERGED);
          boolean whole = made && Files.isRegularFile(merged, LinkOption.NOFOLLOW_LINKS);
          WeightsManifest contents =
              whole ? WeightsManifest.parse(Files.readString(merged)) : manifest;
          WeightsCheck check =
              new WeightsCheck(folder, id, Optional.of(manifest), Optional.of(contents));
          check.files(contents);
          check.tensors(contents);
          return check;
        });
  }

  /// What the trainer says of the weights; empty if it gave them no manifest.
  Optional<WeightsManifest> manifest() {
    return manifest;
  }

  private static WeightsManifest manifest(Path file, WeightsId id)
      throws IOException, WeightsRejected {
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
      throw new WeightsRejected("there is no " + WeightsManifest.NAME + " in " + file.getParent());
    if (Files.size(file) > MAX_MANIFEST_BYTES)
      throw new WeightsRejected("the manifest is larger than 64 MiB: " + file);
    byte[] bytes = Files.readAllBytes(file);
    require("the manifest's sha256", id.sha256(), JsonText.sha256(bytes));
    WeightsManifest manifest = WeightsManifest.parse(new String(bytes, StandardCharsets.UTF_8));
    require("the manifest's lineage", id.lineage(), manifest.lineage());
    require("the manifest's version", id.version(), manifest.version());
    return manifest;
  }

  private void files(WeightsManifest manifest) throws IOException, WeightsRejected {
    if (manifest.files().isEmpty()) throw new WeightsRejected("the manifest lists no file");
    for (Path path : SafetensorsHeader.files(folder)) {
      String name = path.getFileName().toString();
      if (!manifest.files().containsKey(name))
        throw new WeightsRejected("the manifest does not list " + name);
    }
    for (Map.Entry<String, Checked> entry : manifest.files().entrySet()) {
      Path file = folder.resolve(entry.getKey());
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
        throw new WeightsRejected(entry.getKey() + " is not a file in " + folder);
      require("the size of " + entry.getKey(), entry.getValue().size(), Files.size(file));
      if (entry.getKey().endsWith(".safetensors")) headers.put(file, SafetensorsHeader.read(file));
    }
  }

  /// The files must hold exactly the tensors that the manifest lists, as it lists them.
  private void tensors(WeightsManifest manifest) throws WeightsRejected {
    Map<String, JsonNode> left = new TreeMap<>(manifest.tensors());
    for (SafetensorsHeader header : headers.values())
      for (Map.Entry<String, JsonNode> tensor : header.tensors().entrySet()) {
        JsonNode listed = left.remove(tensor.getKey());
        if (listed == null)
          throw new WeightsRejected("the manifest does not list tensor " + tensor.getKey());
        for (String what : List.of("dtype", "shape"))
          require(
              "the %s of tensor %s".formatted(what, tensor.getKey()),
              listed.path(what),
              tensor.getValue().path(what));
      }
    if (!left.isEmpty())
      throw new WeightsRejected(
          "tensor %s is in no file".formatted(left.keySet().iterator().next()));
  }

  /// Checks every byte: that they are those of the manifest, and all numbers finite.
  void bytes() throws WeightsRejected {
    boolean _ =
        sayingWhy(
            folder,
            () -> {
              if (contents.isEmpty())
                require("the sha256 of the folder's files", id.sha256(), identity(folder));
              else
                for (Map.Entry<String, Checked> file : contents.get().files().entrySet())
                  require(
                      "the sha256 of " + file.getKey(),
                      file.getValue().sha256(),
                      FileSum.sha256(folder.resolve(file.getKey())));
              for (Map.Entry<Path, SafetensorsHeader> file : headers.entrySet()) {
                Optional<String> why =
                    TensorCheck.violation(
                        file.getKey(), file.getValue().data(), file.getValue().tensors());
                if (why.isPresent()) throw new WeightsRejected(why.get());
              }
              return true;
            });
  }

  /// Names the safetensors of a folder without a manifest: one hash over their names and hashes.
  static String identity(Path folder) throws IOException, WeightsRejected {
    List<Path> files = SafetensorsHeader.files(folder);
    if (files.isEmpty()) throw new WeightsRejected("there are no safetensors in " + folder);
    StringBuilder names = new StringBuilder();
    for (Path file : files)
      names.append(file.getFileName()).append(' ').append(FileSum.sha256(file)).append('\n');
    return JsonText.sha256(names.toString());
  }

  private static void require(String what, Object expected, Object actual) throws WeightsRejected {
    if (!expected.equals(actual))
      throw new WeightsRejected("%s is not %s but %s".formatted(what, expected, actual));
  }

  @FunctionalInterface
  private interface Check<T> {
    T run() throws IOException, WeightsRejected;
  }

  private static <T> T sayingWhy(Path folder, Check<T> check) throws WeightsRejected {
    try {
      return check.run();
    } catch (IOException e) {
      throw new WeightsRejected("the weights in %s cannot be read: %s".formatted(folder, e));
    } catch (IllegalArgumentException e) {
      throw new WeightsRejected(String.valueOf(e.getMessage()));
    }
  }
}
