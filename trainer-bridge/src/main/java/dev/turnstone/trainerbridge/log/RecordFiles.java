package dev.turnstone.trainerbridge.log;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.SQLException;
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

  private static final Pattern NAME = Pattern.compile("records-(\\d{1,9})");

  /// What SQLite says of a full disk.
  private static final int SQLITE_FULL = 13;

  private final Path directory;
  private Optional<FileChannel> open = Optional.empty();
  private int number;
  private long size;
  private boolean dirty;

  RecordFiles(Path directory) {
    this.directory = directory;
  }

  /// Where a record lies.
  record Place(int file, long at) {}

  /// Appends a record; it is durable after [#sync].
  Place append(byte[] record) throws SQLException {
    try {
      FileChannel channel = writable();
      Place place = new Place(number, size);
      ByteBuffer bytes = ByteBuffer.wrap(record);
      while (bytes.hasRemaining()) channel.write(bytes, size + bytes.position());
      size += record.length;
      dirty = true;
      return place;
    } catch (IOException e) {
      throw failed("a record could not be written", e);
    }
  }

  /// Returns when what was appended is durable.
  void sync() throws SQLException {
    if (!dirty) return;
    try {
      if (open.isPresent()) open.get().force(false);
      dirty = false;
    } catch (IOException e) {
      throw failed("records could not be synced", e);
    }
  }

  private FileChannel writable() throws IOException {
    if (open.isPresent() && size < FULL_BYTES) return open.get();
    leave();
    number = numbers().stream().mapToInt(Integer::intValue).max().orElse(0) + 1;
    size = 0;
    FileChannel fresh =
        FileChannel.open(file(number), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    open = Optional.of(fresh);
    try (FileChannel folder = FileChannel.open(directory, StandardOpenOption.READ)) {
      folder.force(true);
    }
    return fresh;
  }

  private void leave() throws IOException {
    if (open.isEmpty()) return;
    open.get().force(false);
    open.get().close();
    open = Optional.empty();
  }

  /// Reads a record; empty if its file is gone.
  Optional<byte[]> read(Place place, int length) throws SQLException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    try (FileChannel channel = FileChannel.open(file(place.file()), StandardOpenOption.READ)) {
      while (bytes.hasRemaining())
        if (channel.read(bytes, place.at() + bytes.position()) < 0)
          throw new IOException("%s ends early".formatted(file(place.file())));
      return Optional.of(bytes.array());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
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
    boolean full = String.valueOf(e.getMessage()).contains("No space left");
    return new SQLException(what + ": " + e.getMessage(), "", full ? SQLITE_FULL : 0, e);
  }

  @Override
  public void close() throws SQLException {
    try {
      leave();
    } catch (IOException e) {
      throw failed("records could not be closed", e);
    }
  }
}
