package dev.turnstone.trainerbridge.log;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.SQLException;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The packed records of a SQLite log, end to end in files beside the database, which holds where
/// each lies. A database would write them twice, into its write-ahead log and out of it again.
///
/// A record is synced before the transaction that names it commits; what no transaction names is
/// room wasted until its file goes. Appending belongs to the log's thread, reading to any.
final class RecordFiles implements AutoCloseable {
  /// The file that a process begins after the last one there is, and leaves when it is this large.
  private static final long FULL_BYTES = 64L << 20;

  private static final int PROBE_BYTES = 1 << 16;
  private static final Pattern NAME = Pattern.compile("records-(\\d{1,9})");

  /// What SQLite says of a full disk.
  private static final int SQLITE_FULL = 13;

  private final Path directory;
  private final Opener opener;

  // Of the log's thread.
  private final Set<FileChannel> unsynced = new LinkedHashSet<>();
  private Optional<FileChannel> open = Optional.empty();
  private boolean unnamed;
  private int number;
  private long size;
  private long kept;
  private int refused;

  RecordFiles(Path directory) {
    this(
        directory,
        file -> FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
  }

  RecordFiles(Path directory, Opener opener) {
    this.directory = directory;
    this.opener = opener;
  }

  /// Makes a file to write to.
  @FunctionalInterface
  interface Opener {
    FileChannel open(Path file) throws IOException;
  }

  /// Where a record lies.
  record Place(int file, long at) {}

  /// Appends a record; it is durable after [#sync].
  Place append(byte[] record) throws SQLException {
    try {
      FileChannel channel = writable();
      unsynced.add(channel);
      Place place = new Place(number, size);
      ByteBuffer bytes = ByteBuffer.wrap(record);
      while (bytes.hasRemaining()) channel.write(bytes, size + bytes.position());
      size += record.length;
      return place;
    } catch (IOException e) {
      refused = record.length;
      throw failed("a record could not be written", e);
    }
  }

  /// Returns when what was appended is durable.
  void sync() throws SQLException {
    if (unsynced.isEmpty()) return;
    try {
      for (FileChannel channel : unsynced) channel.force(false);
      if (unnamed)
        try (FileChannel folder = FileChannel.open(directory, StandardOpenOption.READ)) {
          folder.force(true);
        }
      unnamed = false;
      for (FileChannel channel : unsynced) if (!open.equals(Optional.of(channel))) channel.close();
      unsynced.clear();
    } catch (IOException e) {
      abandon(e);
      throw failed("records could not be synced", e);
    }
  }

  /// After a failed sync nobody knows what of a file is on the disk, and a second sync says yes.
  private void abandon(IOException cause) {
    open.ifPresent(unsynced::add);
    for (FileChannel channel : unsynced)
      try {
        channel.close();
      } catch (IOException e) {
        cause.addSuppressed(e);
      }
    try {
      if (open.isPresent() && kept == 0) Files.deleteIfExists(file(number));
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
    unsynced.clear();
    open = Optional.empty();
    unnamed = false;
  }

  /// The transaction that names what was appended is committed.
  void keep() {
    kept = size;
  }

  /// Gives back the room of what a transaction appended that found the disk full.
  void takeBack() throws SQLException {
    takeBack(new Place(number, kept));
  }

  private void takeBack(Place place) throws SQLException {
    if (open.isEmpty() || number != place.file()) return;
    size = place.at();
    try {
      open.get().truncate(size);
    } catch (IOException e) {
      throw failed("records could not be taken back", e);
    }
  }

  /// Fails if the disk has no room for a record like the last that it refused.
  void probe() throws SQLException {
    takeBack(append(new byte[Math.max(PROBE_BYTES, refused)]));
    refused = 0;
  }

  private FileChannel writable() throws IOException {
    if (open.isPresent() && size < FULL_BYTES) return open.get();
    Optional<FileChannel> full = open;
    open = Optional.empty();
    if (full.isPresent() && !unsynced.contains(full.get())) full.get().close();
    number = numbers().stream().mapToInt(Integer::intValue).max().orElse(0) + 1;
    size = 0;
    kept = 0;
    FileChannel fresh = opener.open(file(number));
    open = Optional.of(fresh);
    unnamed = true;
    return fresh;
  }

  /// Reads a record; empty if its file is gone. Not interruptible, as reads of the log are.
  Optional<byte[]> read(Place place, int length) throws SQLException {
    Path path = file(place.file());
    byte[] bytes = new byte[length];
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      file.seek(place.at());
      file.readFully(bytes);
      return Optional.of(bytes);
    } catch (EOFException e) {
      throw failed("a record could not be read", new IOException(path + " ends early", e));
    } catch (IOException e) {
      if (!Files.exists(path)) return Optional.empty();
      throw failed("a record could not be read", e);
    }
  }

  /// Deletes the files of which no record is left.
  ///
  /// @param used files that the database still names
  void retain(Set<Integer> used) throws SQLException {
    try {
      for (int file : numbers())
        if (!used.contains(file) && !(open.isPresent() && file == number))
          Files.deleteIfExists(file(file));
    } catch (IOException e) {
      throw failed("records could not be deleted", e);
    }
  }

  private Set<Integer> numbers() throws IOException {
    Set<Integer> numbers = new TreeSet<>();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Matcher name = NAME.matcher(String.valueOf(file.getFileName()));
        if (name.matches()) numbers.add(Integer.parseInt(name.group(1)));
      }
    }
    return numbers;
  }

  private Path file(int which) {
    return directory.resolve("records-" + which);
  }

  private static SQLException failed(String what, IOException e) {
    String why = String.valueOf(e.getMessage());
    boolean full = why.contains("No space left") || why.contains("quota exceeded");
    return new SQLException(what + ": " + e.getMessage(), "", full ? SQLITE_FULL : 0, e);
  }

  @Override
  public void close() throws SQLException {
    try {
      open.ifPresent(unsynced::add);
      for (FileChannel channel : unsynced) channel.close();
      unsynced.clear();
      open = Optional.empty();
    } catch (IOException e) {
      throw failed("records could not be closed", e);
    }
  }
}
