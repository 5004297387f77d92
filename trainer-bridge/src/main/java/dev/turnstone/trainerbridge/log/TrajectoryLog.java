package dev.turnstone.trainerbridge.log;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteConfig.JournalMode;
import org.sqlite.SQLiteConfig.SynchronousMode;
import org.sqlite.SQLiteDataSource;

/// Everything that survives a crash: runs, tasks, finished trajectories, cursors, applied weights
/// and environments, in one SQLite database in a directory that belongs to one process.
///
/// A write returns when it is fsynced (write-ahead log, `synchronous=FULL`); see [LogWriter].
public final class TrajectoryLog implements AutoCloseable {
  private static final String MIGRATIONS = "classpath:dev/turnstone/trainerbridge/log";
  private static final int READERS = 2;
  private static final int BUSY_MILLIS = 10_000;

  private final FileLock lock;
  private final LogWriter writer;
  private final LogReaders readers;

  private TrajectoryLog(FileLock lock, LogWriter writer, LogReaders readers) {
    this.lock = lock;
    this.writer = writer;
    this.readers = readers;
  }

  /// Opens the log in a directory and makes it if there is none.
  ///
  /// @throws IOException with one sentence, if the directory is not usable or in use
  public static TrajectoryLog open(Path directory) throws IOException {
    Files.createDirectories(directory);
    FileLock lock = lock(directory);
    try {
      SQLiteDataSource source = source(directory.resolve("trajectories.db"));
      Flyway.configure().dataSource(source).locations(MIGRATIONS).load().migrate();
      List<Connection> reading = new ArrayList<>();
      for (int i = 0; i < READERS; i++) reading.add(source.getConnection());
      return new TrajectoryLog(
          lock, new LogWriter(source.getConnection()), new LogReaders(reading));
    } catch (SQLException | FlywayException e) {
      lock.acquiredBy().close();
      throw new IOException("the log in " + directory + " cannot be opened: " + e.getMessage(), e);
    }
  }

  public RunTable runs() {
    return new RunTable(writer, readers);
  }

  public GroupTable groups() {
    return new GroupTable(writer, readers);
  }

  public RolloutTable rollouts() {
    return new RolloutTable(writer, readers);
  }

  public WeightsTable weights() {
    return new WeightsTable(writer, readers);
  }

  /// The environments that clients registered, by name.
  public EnvironmentTable environments() {
    return new EnvironmentTable(writer, readers);
  }

  /// Waits for what is being written and closes the database.
  @Override
  public void close() {
    if (!lock.isValid()) return;
    try (FileChannel _ = (FileChannel) lock.acquiredBy()) {
      readers.close();
      writer.close();
    } catch (SQLException | IOException e) {
      throw new LogException("the trajectory log did not close: " + e.getMessage(), e);
    }
  }

  private static FileLock lock(Path directory) throws IOException {
    FileChannel channel =
        FileChannel.open(
            directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      FileLock lock = channel.tryLock();
      if (lock != null) return lock;
    } catch (OverlappingFileLockException e) {
      channel.close();
      throw new IOException("the log in " + directory + " is in use by this process", e);
    }
    channel.close();
    throw new IOException("the log in " + directory + " is in use by another process");
  }

  private static SQLiteDataSource source(Path file) {
    SQLiteConfig config = new SQLiteConfig();
    config.setJournalMode(JournalMode.WAL);
    config.setSynchronous(SynchronousMode.FULL);
    config.setBusyTimeout(BUSY_MILLIS);
    config.enforceForeignKeys(true);
    SQLiteDataSource source = new SQLiteDataSource(config);
    source.setUrl("jdbc:sqlite:" + file);
    return source;
  }
}
