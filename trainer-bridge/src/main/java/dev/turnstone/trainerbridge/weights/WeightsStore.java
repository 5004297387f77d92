package dev.turnstone.trainerbridge.weights;

import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// The weights that serve, kept apart from the trainer's folder, which may be gone at the next
/// start: hard links where the file system has them, else copies. The last two sets stay.
final class WeightsStore {
  private static final int KEPT = 2;
  private static final int SHOWN = 12;

  private final Path directory;

  /// @param root the first folder under which weights may lie, so that every server that shares it
  ///   finds them
  WeightsStore(Path root) {
    directory = root.resolve(".applied");
  }

  /// Keeps a verified folder.
  ///
  /// @return where its files are now, durable
  ///
  /// @param base that must stay, too
  Path keep(Path folder, WeightsId id, Optional<Path> base) throws IOException {
    Path kept = place(id);
    if (Files.isDirectory(kept)) {
      retain(base);
      return kept;
    }
    Path aside = aside(kept);
    for (Path file : list(folder)) if (Files.isRegularFile(file)) take(file, aside);
    appear(aside, kept);
    retain(base);
    return kept;
  }

  /// Makes weights instead of taking them.
  @FunctionalInterface
  interface Maker {
    /// Writes their files into a folder.
    void make(Path folder) throws IOException, WeightsRejected;
  }

  /// A folder of the store.
  ///
  /// @param fresh whether it was not there before
  record Made(Path folder, boolean fresh) {}

  /// Makes weights, durable and whole or not at all.
  Made make(WeightsId id, Maker maker) throws IOException, WeightsRejected {
    Path made = place(id);
    if (Files.isDirectory(made)) return new Made(made, false);
    Path aside = aside(made);
    try {
      maker.make(aside);
      for (Path file : list(aside)) sync(file);
      appear(aside, made);
      return new Made(made, true);
    } finally {
      delete(aside);
    }
  }

  /// Whether a folder is one of the store's, whichever links lead there.
  boolean holds(Path folder) {
    try {
      return Files.isDirectory(directory) && folder.toRealPath().startsWith(directory.toRealPath());
    } catch (IOException e) {
      // What is not there is not in the store.
      return false;
    }
  }

  /// Forgets what was made and does not serve.
  void forget(Path made) throws IOException {
    delete(made);
  }

  private Path place(WeightsId id) throws IOException {
    String name =
        "%s-v%d-%s".formatted(id.lineage(), id.version(), id.sha256().substring(0, SHOWN));
    return Files.createDirectories(directory).resolve(name).toAbsolutePath();
  }

  private static Path aside(Path kept) throws IOException {
    Path aside = kept.resolveSibling(kept.getFileName() + ".tmp");
    delete(aside);
    return Files.createDirectory(aside);
  }

  private void appear(Path aside, Path kept) throws IOException {
    sync(aside);
    Files.move(aside, kept, StandardCopyOption.ATOMIC_MOVE);
    Files.setLastModifiedTime(kept, FileTime.from(Instant.now()));
    sync(directory);
  }

  private static void take(Path file, Path into) throws IOException {
    Path target = into.resolve(file.getFileName());
    try {
      Files.createLink(target, file);
    } catch (UnsupportedOperationException | FileSystemException e) {
      // Another file system, or one without links.
      Files.copy(file, target);
    }
    sync(target);
  }

  private void retain(Optional<Path> base) throws IOException {
    List<Path> old =
        list(directory).stream()
            .filter(path -> !path.getFileName().toString().endsWith(".tmp"))
            .filter(path -> !base.equals(Optional.of(path.toAbsolutePath())))
            .sorted(Comparator.comparingLong(WeightsStore::age).reversed())
            .skip(KEPT)
            .toList();
    for (Path path : old) delete(path);
  }

  private static long age(Path path) {
    return path.toFile().lastModified();
  }

  static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> paths = Files.list(folder)) {
      return paths.toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /// Deletes a folder with all that is in it, if it is there.
  static void delete(Path folder) throws IOException {
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) return;
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) Files.deleteIfExists(path);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private static void sync(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
