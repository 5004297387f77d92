package dev.turnstone.trainerbridge.log;

import dev.turnstone.rollout.Task;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import dev.turnstone.trainerbridge.spec.RunPhase;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/// Groups from their task to their place in the feed.
public final class GroupTable {
  private final Dialect dialect;
  private final String server;
  private final LogWriter writer;
  private final LogReaders readers;

  GroupTable(Database database, LogWriter writer, LogReaders readers) {
    dialect = database.dialect();
    server = database.server();
    this.writer = writer;
    this.readers = readers;
  }

  /// Where a group is on its way.
  public enum State {
    /// Durable, not admitted.
    PENDING,
    /// Admitted; its rollouts run.
    RUNNING,
    /// It has a seq and waits for the trainer, or was delivered.
    COMPLETE,
    /// It has a seq and will not be delivered.
    DROPPED
  }

  /// A group as it was last written.
  ///
  /// @param reason why it was dropped, else empty
  /// @param length ids of its longest row
  /// @param step number of the training step whose groups its advantages are computed over, from 1;
  ///   0 if it was never complete
  public record Stored(
      String name,
      String task,
      State state,
      OptionalLong seq,
      String reason,
      int versionMin,
      int versionMax,
      int length,
      long step) {}

  /// What became of submitted tasks in the log.
  public sealed interface Inserted {
    /// Durable now; that many were new.
    record Accepted(int groups) implements Inserted {}

    /// One is known with another body.
    record OtherBody(String group) implements Inserted {}

    /// The run takes no task any more.
    record NotOpen(RunPhase phase) implements Inserted {}

    /// That many tasks wait already.
    record Full(long pending) implements Inserted {}
  }

  /// Makes tasks durable in their order, all or none; those that are known with the same body are
  /// passed over.
  public Inserted insert(RunSpec spec, List<GroupRequest> groups, int mostPending) {
    return writer.write(sql -> {
      RunTable.Marks marks = RunTable.locked(sql, dialect, spec.run());
      List<GroupRequest> fresh = new ArrayList<>();
      for (GroupRequest group : groups) {
        Optional<String> body = body(sql, spec.run(), group.group());
        if (body.isEmpty()) fresh.add(group);
        else if (!body.get().equals(group.sha256())) return new Inserted.OtherBody(group.group());
      }
      if (fresh.isEmpty()) return new Inserted.Accepted(0);
      if (marks.phase() != RunPhase.OPEN) return new Inserted.NotOpen(marks.phase());
      long pending = count(sql, spec.run(), State.PENDING);
      if (pending + fresh.size() > mostPending) return new Inserted.Full(pending);
      for (GroupRequest group : fresh)
        sql.update(
            "insert into groups (run, name, ordinal, body_sha256, task, state) values (?, ?,"
                + " (select coalesce(max(ordinal), 0) + 1 from groups where run = ?),"
                + " ?, ?, ?)",
            spec.run(),
            group.group(),
            spec.run(),
            group.sha256(),
            JsonText.write(GroupRequest.taskJson(group.task(spec.environment()))),
            Fields.wire(State.PENDING));
      return new Inserted.Accepted(fresh.size());
    });
  }

  private static Optional<String> body(Sql sql, String run, String group) throws SQLException {
    return sql
        .query(
            row -> row.getString(1),
            "select body_sha256 from groups where run = ? and name = ?",
            run,
            group)
        .stream()
        .findFirst();
  }

  private static long count(Sql sql, String run, State state) throws SQLException {
    return sql.query(
            row -> row.getLong(1),
            "select count(*) from groups where run = ? and state = ?",
            run,
            Fields.wire(state))
        .getFirst();
  }

  /// Whether a group waits or runs, on whichever server.
  public boolean unsettled(String run) {
    return any(run, State.RUNNING) || any(run, State.PENDING);
  }

  private boolean any(String run, State state) {
    return readers.read(sql -> any(sql, run, state));
  }

  static boolean any(Sql sql, String run, State state) throws SQLException {
    return !sql.query(
            row -> 1,
            "select 1 from groups where run = ? and state = ? limit 1",
            run,
            Fields.wire(state))
        .isEmpty();
  }

  /// Gives a group of this server its seq and says what becomes of it and of each of its rollouts.
  ///
  /// @param stepSize complete groups that make a step
  /// @return the run's marks, whose head is the seq; empty if the group is another server's by now
  public Optional<RunTable.Marks> settle(
      String run, String group, Settlement settlement, int stepSize) {
    return writer.write(sql -> {
      RunTable.Marks was = RunTable.locked(sql, dialect, run);
      RunTable.Marks marks = was.settled(!settlement.dropped(), stepSize);
      int settled =
          sql.update(
              "update groups set state = ?, seq = ?, reason = ?, version_min = ?,"
                  + " version_max = ?, length = ?, step = ? where run = ? and name = ?"
                  + " and state = 'running' and owner = ?",
              Fields.wire(settlement.dropped() ? State.DROPPED : State.COMPLETE),
              marks.head(),
              settlement.reason(),
              settlement.versionMin(),
              settlement.versionMax(),
              settlement.length(),
              settlement.dropped() ? 0 : was.step(),
              run,
              group,
              server);
      if (settled == 0) return Optional.empty();
      for (Settlement.Outcome outcome : settlement.outcomes())
        RolloutTable.settle(sql, run, group, outcome);
      sql.update(
          "update runs set head = ?, step = ?, step_groups = ? where run = ?",
          marks.head(),
          marks.step(),
          marks.stepGroups(),
          run);
      return Optional.of(marks);
    });
  }

  /// A complete group will not be delivered after all.
  public void drop(String run, String group, String reason, Optional<String> quarantine) {
    writer.write(sql -> {
      if (quarantine.isPresent())
        sql.update(
            "insert into quarantine (run, group_name, reason) values (?, ?, ?)",
            run,
            group,
            quarantine.get());
      return sql.update(
          "update groups set state = ?, reason = ? where run = ? and name = ?",
          Fields.wire(State.DROPPED),
          reason,
          run,
          group);
    });
  }

  public Optional<Stored> bySeq(String run, long seq) {
    return one("select * from groups where run = ? and seq = ?", run, seq);
  }

  public Optional<Stored> byName(String run, String name) {
    return one("select * from groups where run = ? and name = ?", run, name);
  }

  private Optional<Stored> one(String query, Object... values) {
    return readers.read(sql -> sql.query(GroupTable::read, query, values)).stream().findFirst();
  }

  static Stored read(ResultSet row) throws SQLException {
    long seq = row.getLong("seq");
    return new Stored(
        row.getString("name"),
        row.getString("task"),
        State.valueOf(row.getString("state").toUpperCase(Locale.ROOT)),
        seq == 0 ? OptionalLong.empty() : OptionalLong.of(seq),
        row.getString("reason"),
        row.getInt("version_min"),
        row.getInt("version_max"),
        row.getInt("length"),
        row.getLong("step"));
  }

  public static Task task(Stored group, String environment) {
    return GroupRequest.parseTask(group.name(), environment, group.task());
  }
}
