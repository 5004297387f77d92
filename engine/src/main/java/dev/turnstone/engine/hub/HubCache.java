package dev.turnstone.engine.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/// The cache of one model as `huggingface_hub` lays it out: `blobs/ETAG`, `refs/REVISION` that
/// holds a commit, and `snapshots/COMMIT/FILE`, which link to blobs.
final class HubCache {
  private final Path root;

  HubCache(Path cache, String repository) {
    this.root = cache.resolve("models--" + repository.replace("/", "--"));
  }

  Path blob(HubFile file) {
    return root.resolve("blobs").resolve(file.etag());
  }

  /// Where a blob grows until it is whole.
  Path incomplete(HubFile file) {
    return root.resolve("blobs").resolve(file.etag() + ".incomplete");
  }

  Path snapshot(String commit) {
    return root.resolve("snapshots").resolve(commit);
  }

  /// The commit that a revision was when it was last downloaded.
  Optional<String> commit(String revision) throws IOException {
    if (revision.matches("[0-9a-f]{40}")) return Optional.of(revision);
    Path ref = root.resolve("refs").resolve(revision);
    return Files.isRegularFile(ref) ? Optional.of(Files.readString(ref).strip()) : Optional.empty();
  }

  void remember(String revision, String commit) throws IOException {
    if (revision.equals(commit)) return;
    Path ref = root.resolve("refs").resolve(revision);
    Files.createDirectories(ref.getParent());
    Path next = ref.resolveSibling(ref.getFileName() + ".next");
    Files.writeString(next, commit);
    Files.move(next, ref, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /// Makes a blob part of a snapshot.
  void link(String commit, HubFile file) throws IOException {
    Path snapshot = Files.createDirectories(snapshot(commit));
    Path link = snapshot.resolve(file.name());
    if (Files.exists(link)) return;
    Files.deleteIfExists(link); // a link whose blob is gone
    Files.createSymbolicLink(link, snapshot.relativize(blob(file)));
  }
}
