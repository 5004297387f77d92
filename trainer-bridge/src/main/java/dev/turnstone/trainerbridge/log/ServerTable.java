package dev.turnstone.trainerbridge.log;

import java.time.Duration;

/// The servers that share a log, by their lease. A group whose owner has no lease any more may be
/// taken over.
public final class ServerTable {
  private final Database database;
  private final LogWriter writer;
  private final LogReaders readers;

  ServerTable(Database database, LogWriter writer, LogReaders readers) {
    this.database = database;
    this.writer = writer;
    this.readers = readers;
  }

  /// Takes or extends this server's lease.
  public void renew(Duration lease) {
    writer.write(sql ->
        sql.update(
            "insert into servers (server, expires) values (?, %s + ?)"
                    .formatted(database.dialect().nowMillis())
                + " on conflict (server) do update set expires = excluded.expires",
            database.server(),
            lease.toMillis()));
  }

  /// Gives this server's lease back, so that others need not wait for its end.
  public void leave() {
    writer.write(
        sql -> sql.update("update servers set expires = 0 where server = ?", database.server()));
  }

  /// Servers that hold a lease.
  public long count() {
    return readers
        .read(sql ->
            sql.query(
                row -> row.getLong(1),
                "select count(*) from servers where expires > " + database.dialect().nowMillis()))
        .getFirst();
  }

  /// Nobody else can be there.
  void forgetAll() {
    writer.write(sql -> sql.update("delete from servers"));
  }
}
