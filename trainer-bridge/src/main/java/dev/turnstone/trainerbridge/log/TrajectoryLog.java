package dev.turnstone.trainerbridge.log;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.SQLException;
import java.util.Optional;

/// Everything that survives a crash: runs, tasks, finished trajectories, cursors, applied weights
/// and environments. Either a SQLite file in a directory that belongs to one process, or a
/// PostgreSQL database that several servers share.
///
/// A write returns when it is fsynced (SQLite: write-ahead log, `synchronous=FULL`; PostgreSQL: its
/// `synchronous_commit`); see [LogWriter].
public final class TrajectoryLog implements AutoCloseable {
  /// The SQLite file in a log's directory.
  static final String FILE = "trajectories.db";

  private static final int SQLITE_READERS = 2;
  private static final int POSTGRESQL_READERS = 4;
  private static final long RECENT_BYTES = 64L << 20;
  private static final int PROBE_BYTES = 1 << 16;

  private final Optional<FileLock> lock;
  private final Database database;
  private final LogHealth health;
  private final LogWriter writer;
  private final LogReaders readers;
  private final RecentRecords recent = new RecentRecords(RECENT_BYTES);
  private boolean closed;

  private TrajectoryLog(Optional<FileLock> lock, Database database, int reading)
      throws SQLException {
    this.lock = lock;
    this.database = database;
    health = new LogHealth();
    readers = new LogReaders(database, reading);
    writer = new LogWriter(database, health);
  }

  /// Opens the SQLite log in a directory and makes it if there is none.
  ///
  /// @throws IOException with one sentence, if the directory is not usable or in use
  public static TrajectoryLog open(Path directory) throws IOException {
    Files.createDirectories(directory);
    FileLock lock = lock(directory);
    Database database = Database.sqlite(directory.resolve(FILE));
    try {
      database.migrate();
      TrajectoryLog log = new TrajectoryLog(Optional.of(lock), database, SQLITE_READERS);
      log.servers().forgetAll();
      return log;
    } catch (SQLException e) {
      lock.acquiredBy().close();
      throw new IOException("the log in " + directory + " cannot be opened: " + e.getMessage(), e);
    } catch (IOException | LogException e) {
      lock.acquiredBy().close();
      throw e;
    }
  }

  /// Opens the log in a PostgreSQL database and makes its tables if there are none.
  ///
  /// @param url such as `jdbc:postgresql://HOST/DATABASE?user=…&password=…`
  /// @throws IOException with one sentence, if the database does not answer
  public static TrajectoryLog open(String url) throws IOException {
    Database database = Database.postgresql(url);
    database.migrate();
    try {
      return new TrajectoryLog(Optional.empty(), database, POSTGRESQL_READERS);
    } catch (SQLException e) {
      throw new IOException(
          "the log in %s cannot be opened: %s".formatted(database.name(), e.getMessage()), e);
    }
  }

  /// Opens what `place` names: a PostgreSQL URL, or a directory for SQLite.
  public static TrajectoryLog at(String place) throws IOException {
    return place.startsWith("jdbc:") ? open(place) : open(Path.of(place));
  }

  /// Whether other servers may work on the same runs.
  public boolean shared() {
    return lock.isEmpty();
  }

  /// This process's name in the log.
  public String server() {
    return database.server();
  }

  /// Why the log takes no writes now; empty while it does.
  public Optional<String> trouble() {
    return health.trouble();
  }

  /// Whether it is for want of room, so that forgetting what may be forgotten helps.
  public boolean full() {
    return health.full();
  }

  /// Learns whether the log takes writes again.
  public void probe() {
    try {
      writer.write(sql -> {
        if (database.records().isPresent()) database.records().get().probe();
        sql.update("insert into probes (id, bytes) values (1, ?)", new byte[PROBE_BYTES]);
        return sql.update("delete from probes");
      });
    } catch (LogException e) {
      // The writer has noted why.
      return;
    }
  }

  LogWriter writer() {
    return writer;
  }

  public RunTable runs() {
    return new RunTable(database.dialect(), writer, readers);
  }

  public GroupTable groups() {
    return new GroupTable(database, writer, readers);
  }

  public GroupAdmission admission() {
    return new GroupAdmission(database, writer, readers);
  }

  public StepTable steps() {
    return new StepTable(database.dialect(), writer, readers);
  }

  public RunCounters counters() {
    return new RunCounters(readers);
  }

  public RolloutTable rollouts() {
    return new RolloutTable(database, writer, readers, recent);
  }

  /// Scores that stored rollouts are given later.
  public ScoreTable scores() {
    return new ScoreTable(database.dialect(), writer);
  }

  public WeightsTable weights() {
    return new WeightsTable(writer, readers);
  }

  public ServerTable servers() {
    return new ServerTable(database, writer, readers);
  }

  public Retention retention() {
    return new Retention(database, writer, readers);
  }

  /// The environments that clients registered, by name.
  public EnvironmentTable environments() {
    return new EnvironmentTable(writer, readers);
  }

  /// Waits for what is being written and closes the database.
  @Override
  public void close() {
    if (closed) return;
    closed = true;
    try {
      readers.close();
      writer.close();
      if (lock.isPresent()) lock.get().acquiredBy().close();
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
}
