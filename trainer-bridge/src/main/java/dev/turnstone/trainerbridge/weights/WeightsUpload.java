package dev.turnstone.trainerbridge.weights;

import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The files of one version as a trainer sends them, one after the other, into a folder of their
/// own that [#close] deletes: what serves is kept elsewhere by then. Used by one thread at a time.
public final class WeightsUpload implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsUpload.class);
  private static final int MOST_FILES = 1024;

  /// Left free, so that an upload cannot fill the disk for everybody else.
  private static final long SPARE_BYTES = 256L << 20;

  private static final Duration LONGEST = Duration.ofDays(1);

  private final Path folder;
  private final Room room;
  private Optional<Open> open = Optional.empty();
  private int files;

  /// Bytes that are free on the disk.
  @FunctionalInterface
  interface Room {
    long bytes() throws IOException;
  }

  /// @param left bytes that still come
  private record Open(String name, FileChannel channel, long left) {}

  /// @param directory holds the folders of all uploads
  WeightsUpload(Path directory) throws IOException {
    this(directory, () -> Files.getFileStore(directory).getUsableSpace());
  }

  WeightsUpload(Path directory, Room room) throws IOException {
    this.room = room;
    folder = Files.createTempDirectory(Files.createDirectories(directory), "upload-");
  }

  /// Deletes what a server that was killed left behind. Servers may share the directory, so not
  /// before nobody can be at it any more.
  static void forgetOld(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) return;
    Instant before = Instant.now().minus(LONGEST);
    for (Path upload : WeightsStore.list(directory)) {
      try {
        if (Files.getLastModifiedTime(upload).toInstant().isBefore(before))
          WeightsStore.delete(upload);
      } catch (IOException e) {
        // Another connection or server was quicker. What does stay hinders no upload.
        if (Files.exists(upload, LinkOption.NOFOLLOW_LINKS))
          LOG.warn("{} could not be deleted: {}", upload, e.toString());
      }
    }
  }

  public Path folder() {
    return folder;
  }

  /// Whether every file that was begun is whole.
  public boolean whole() {
    return open.isEmpty() && files > 0;
  }

  /// A file comes next.
  ///
  /// @throws WeightsRejected with one sentence, if it cannot be taken
  public void begin(String name, long size) throws IOException, WeightsRejected {
    if (open.isPresent())
      throw new WeightsRejected(
          "%s begins while %d bytes of %s are missing"
              .formatted(name, open.get().left(), open.get().name()));
    if (!name.matches(WeightsManifest.FILE_NAME))
      throw new WeightsRejected("not a plain file name: " + name);
    if (++files > MOST_FILES) throw new WeightsRejected("more than %d files".formatted(MOST_FILES));
    long free = room.bytes() - SPARE_BYTES;
    if (size < 0 || size > free)
      throw new WeightsRejected(
          "%s of %d bytes does not fit: there is room for %d".formatted(name, size, free));
    Path file = folder.resolve(name);
    if (Files.exists(file, LinkOption.NOFOLLOW_LINKS))
      throw new WeightsRejected(name + " comes twice");
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    open = Optional.of(new Open(name, channel, size));
    endIfWhole();
  }

  /// The next bytes of the file that was begun.
  ///
  /// @throws WeightsRejected if there is none, or it has less left
  public void add(byte[] bytes) throws IOException, WeightsRejected {
    Open file =
        open.orElseThrow(() -> new WeightsRejected("a binary frame, but no file was begun"));
    if (bytes.length > file.left())
      throw new WeightsRejected(
          "%s has %d bytes left, but %d came".formatted(file.name(), file.left(), bytes.length));
    // Others write to the disk, too, among them other uploads.
    if (bytes.length > room.bytes() - SPARE_BYTES)
      throw new WeightsRejected(
          "there is no room any more for the last %d bytes of %s"
              .formatted(file.left(), file.name()));
    ByteBuffer left = ByteBuffer.wrap(bytes);
    while (left.hasRemaining()) file.channel().write(left);
    open = Optional.of(new Open(file.name(), file.channel(), file.left() - bytes.length));
    endIfWhole();
  }

  private void endIfWhole() throws IOException {
    if (open.isEmpty() || open.get().left() > 0) return;
    open.get().channel().close();
    open = Optional.empty();
  }

  @Override
  public void close() throws IOException {
    if (open.isPresent()) open.get().channel().close();
    open = Optional.empty();
    WeightsStore.delete(folder);
  }
}
