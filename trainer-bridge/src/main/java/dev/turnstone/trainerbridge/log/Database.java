package dev.turnstone.trainerbridge.log;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Optional;
import java.util.UUID;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteConfig.JournalMode;
import org.sqlite.SQLiteConfig.SynchronousMode;
import org.sqlite.SQLiteDataSource;

/// The database that holds a log, and this process's name in it.
///
/// @param name for sentences; never a password
/// @param server unique to this process: the owner of what it has leased
/// @param records files that hold the packed records; empty if they are in the database
/// @param checkpointPages of SQLite's write-ahead log before they move into the database
record Database(
    Dialect dialect,
    DataSource source,
    String name,
    String server,
    Optional<RecordFiles> records,
    int checkpointPages) {
  /// Moving pages from the write-ahead log into the database costs two fsyncs, so it is done every
  /// 64 MiB, or as soon as the write-ahead log takes this share of a small disk.
  private static final int CHECKPOINT_PAGES = 16_384;

  private static final int DISK_SHARE = 256;
  private static final int PAGE_BYTES = 4096;
  private static final int FEWEST_PAGES = 256;

  private static final int CACHE_KIB = 16 << 10;
  private static final int BUSY_MILLIS = 10_000;
  private static final int CONNECT_SECONDS = 5;
  private static final int SOCKET_SECONDS = 60;

  /// A SQLite file, which belongs to one process.
  static Database sqlite(Path file) {
    SQLiteConfig config = new SQLiteConfig();
    config.setJournalMode(JournalMode.WAL);
    config.setSynchronous(SynchronousMode.FULL);
    config.setBusyTimeout(BUSY_MILLIS);
    config.enforceForeignKeys(true);
    SQLiteDataSource source = new SQLiteDataSource(config);
    source.setUrl("jdbc:sqlite:" + file);
    Path directory = file.toAbsolutePath().getParent();
    return new Database(
        Dialect.SQLITE,
        source,
        String.valueOf(file.getParent()),
        unique(),
        Optional.ofNullable(directory).map(RecordFiles::new),
        checkpointPages(directory));
  }

  private static int checkpointPages(@Nullable Path directory) {
    if (directory == null || !Files.isDirectory(directory)) return CHECKPOINT_PAGES;
    try {
      long share = Files.getFileStore(directory).getTotalSpace() / DISK_SHARE / PAGE_BYTES;
      return Math.clamp(share, FEWEST_PAGES, CHECKPOINT_PAGES);
    } catch (IOException e) {
      // Where the size of the disk is not known it is taken for a large one.
      return CHECKPOINT_PAGES;
    }
  }

  /// A PostgreSQL database, which several servers may share.
  ///
  /// @param url such as `jdbc:postgresql://HOST/DATABASE?user=…&password=…`
  static Database postgresql(String url) throws IOException {
    PGSimpleDataSource source = new PGSimpleDataSource();
    try {
      source.setURL(url);
    } catch (IllegalArgumentException e) {
      throw new IOException("the log's URL is not one of PostgreSQL: " + withoutSecrets(url), e);
    }
    source.setConnectTimeout(CONNECT_SECONDS);
    source.setSocketTimeout(SOCKET_SECONDS);
    source.setTcpKeepAlive(true);
    source.setApplicationName("turnstone");
    return new Database(
        Dialect.POSTGRESQL, source, withoutSecrets(url), unique(), Optional.empty(), 0);
  }

  /// The database's URL up to its parameters, and without a user before its host.
  static String withoutSecrets(String url) {
    return url.replaceFirst("\\?.*", "").replaceFirst("//[^/@]*@", "//");
  }

  private static String unique() {
    return UUID.randomUUID().toString();
  }

  Sql open() throws SQLException {
    Connection connection = source.getConnection();
    if (dialect == Dialect.SQLITE)
      try (Statement statement = connection.createStatement()) {
        statement.execute("pragma wal_autocheckpoint = " + checkpointPages);
        statement.execute("pragma cache_size = -" + CACHE_KIB);
      }
    return new Sql(connection);
  }

  /// Checks without changing anything that the schema is up to date.
  void requireCurrent() throws IOException {
    try {
      Flyway flyway = Flyway.configure().dataSource(source).locations(dialect.migrations()).load();
      if (flyway.info().applied().length == 0) throw new IOException("there is no log in " + name);
      if (flyway.info().pending().length > 0)
        throw new IOException(
            "the log in %s is of an older version: a server that opens it brings it up to date"
                .formatted(name));
    } catch (FlywayException e) {
      throw notOpened(e);
    }
  }

  /// Brings the schema up to date.
  void migrate() throws IOException {
    try {
      Flyway.configure().dataSource(source).locations(dialect.migrations()).load().migrate();
    } catch (FlywayException e) {
      throw notOpened(e);
    }
  }

  /// Flyway repeats what the driver says under a line, after what it was doing itself.
  private IOException notOpened(FlywayException e) {
    Throwable cause = e.getCause() == null ? e : e.getCause();
    String why = String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
    return new IOException("the log in %s cannot be opened: %s".formatted(name, why), e);
  }
}
