package dev.turnstone.trainerbridge.log;

import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.spec.RunPhase;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Which groups run, and on which server: tasks become groups that run while there is room, and a
/// group whose server is gone becomes another's.
public final class GroupAdmission {
  private final Dialect dialect;
  private final String server;
  private final LogWriter writer;
  private final LogReaders readers;

  GroupAdmission(Database database, LogWriter writer, LogReaders readers) {
    dialect = database.dialect();
    server = database.server();
    this.writer = writer;
    this.readers = readers;
  }

  /// Groups that are admitted and not released, on whichever server.
  public int admitted(String run) {
    return readers.read(sql -> admitted(sql, run));
  }

  static int admitted(Sql sql, String run) throws SQLException {
    return sql.query(
            row -> row.getInt(1) + row.getInt(2),
            "select (select count(*) from groups where run = ? and state = 'running'),"
                + " (select count(*) from groups where run = ? and seq > (select released from"
                + " runs where run = ?) and state = 'complete')",
            run,
            run,
            run)
        .getFirst();
  }

  /// Whether a task waits and there is room for it.
  public boolean mayAdmit(RunSpec spec) {
    return waits(spec.run()) && admitted(spec.run()) < spec.admissionBound();
  }

  /// Admits the oldest waiting tasks to this server while there is room: notes the first attempt of
  /// each of their rollouts.
  public List<GroupTable.Stored> admit(RunSpec spec, int most) {
    return writer.write(sql -> {
      RunTable.Marks marks = RunTable.locked(sql, dialect, spec.run());
      int free = Math.min(most, spec.admissionBound() - admitted(sql, spec.run()));
      if (free <= 0 || marks.phase() == RunPhase.CANCELLED) return List.of();
      List<GroupTable.Stored> next =
          sql.query(
              GroupTable::read,
              "select * from groups where run = ? and state = ? order by ordinal limit ?"
                  + dialect.skipLocked(),
              spec.run(),
              Fields.wire(GroupTable.State.PENDING),
              free);
      for (GroupTable.Stored group : next) {
        sql.update(
            "update groups set state = ?, owner = ? where run = ? and name = ?",
            Fields.wire(GroupTable.State.RUNNING),
            server,
            spec.run(),
            group.name());
        for (int index = 0; index < spec.groupSize(); index++)
          RolloutTable.start(sql, spec.run(), group.name(), index, 0);
      }
      return next;
    });
  }

  /// Takes over running groups whose server holds no lease.
  public List<GroupTable.Stored> takeOver(String run, int most) {
    String orphans =
        "select g.* from groups g where g.run = ? and g.state = 'running' and g.owner != ?"
            + " and not exists (select 1 from servers s where s.server = g.owner"
            + " and s.expires > %s) order by g.ordinal limit ?".formatted(dialect.nowMillis());
    if (readers.read(sql -> sql.query(row -> 1, orphans, run, server, 1)).isEmpty())
      return List.of();
    return writer.write(sql -> {
      List<GroupTable.Stored> taken =
          sql.query(GroupTable::read, orphans + dialect.skipLocked(), run, server, most);
      for (GroupTable.Stored group : taken)
        sql.update(
            "update groups set owner = ? where run = ? and name = ?", server, run, group.name());
      return taken;
    });
  }

  /// Names of the running groups that are this server's.
  public Set<String> owned(String run) {
    return new HashSet<>(
        readers.read(sql ->
            sql.query(
                row -> row.getString(1),
                "select name from groups where run = ? and state = 'running' and owner = ?",
                run,
                server)));
  }

  private boolean waits(String run) {
    return readers.read(sql -> GroupTable.any(sql, run, GroupTable.State.PENDING));
  }
}
