package dev.turnstone.trainerbridge.log;

import java.sql.SQLException;
import java.util.Set;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/// Where the log's two databases differ.
enum Dialect {
  SQLITE("sqlite", "", "", "cast(unixepoch('subsec') * 1000 as integer)"),
  POSTGRESQL(
      "postgresql",
      " for update",
      " for update skip locked",
      "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)");

  private static final int SQLITE_FULL = 13;
  private static final Set<String> CONFLICTS = Set.of("40001", "40P01");
  private static final Set<String> GOING_DOWN = Set.of("57P01", "57P02", "57P03");
  private static final String DISK_FULL = "53100";

  private final String folder;
  private final String forUpdate;
  private final String skipLocked;
  private final String nowMillis;

  Dialect(String folder, String forUpdate, String skipLocked, String nowMillis) {
    this.folder = folder;
    this.forUpdate = forUpdate;
    this.skipLocked = skipLocked;
    this.nowMillis = nowMillis;
  }

  /// What a failed statement says about its transaction.
  enum Failure {
    /// The connection is gone; whether a commit under way happened is not known.
    LOST,
    /// Another transaction was in the way; the same again may succeed.
    CONFLICT,
    /// There is no room on the disk.
    FULL,
    /// The statement itself.
    OTHER
  }

  String migrations() {
    return "classpath:dev/turnstone/trainerbridge/log/" + folder;
  }

  /// Ends a query whose rows are changed next.
  String forUpdate() {
    return forUpdate;
  }

  /// The same, passing over rows that another server is changing.
  String skipLocked() {
    return skipLocked;
  }

  /// The database's clock as an expression: milliseconds since 1970. One clock for all servers.
  String nowMillis() {
    return nowMillis;
  }

  /// SQLite calls a full disk by its name, but a quota that is reached a failed write.
  private static boolean overQuota(SQLException e) {
    return e instanceof SQLiteException failed
        && failed.getResultCode() == SQLiteErrorCode.SQLITE_IOERR_WRITE;
  }

  Failure failure(SQLException e) {
    if (this == SQLITE)
      return (e.getErrorCode() & 0xff) == SQLITE_FULL || overQuota(e)
          ? Failure.FULL
          : Failure.OTHER;
    String state = e.getSQLState() == null ? "" : e.getSQLState();
    if (state.equals(DISK_FULL)) return Failure.FULL;
    if (CONFLICTS.contains(state)) return Failure.CONFLICT;
    boolean lost = state.startsWith("08") || GOING_DOWN.contains(state);
    return lost ? Failure.LOST : Failure.OTHER;
  }
}
