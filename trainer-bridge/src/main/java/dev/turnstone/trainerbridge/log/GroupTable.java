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
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

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

  /// Groups that are admitted and not released, on whichever server.
  public int admitted(String run) {
    return readers.read(sql -> admitted(sql, run));
  }

  private static int admitted(Sql sql, String run) throws SQLException {
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

  /// Whether a group waits or runs, on whichever server.
  public boolean unsettled(String run) {
    return any(run, State.RUNNING) || any(run, State.PENDING);
  }

  private boolean any(String run, State state) {
    return !readers
        .read(sql ->
            sql.query(
                row -> 1,
                "select 1 from groups where run = ? and state = ? limit 1",
                run,
                Fields.wire(state)))
        .isEmpty();
  }

  /// Whether a task waits and there is room for it.
  public boolean mayAdmit(RunSpec spec) {
    return any(spec.run(), State.PENDING) && admitted(spec.run()) < spec.admissionBound();
  }

  /// Admits the oldest waiting tasks to this server while there is room: notes the first attempt of
  /// each of their rollouts.
  public List<Stored> admit(RunSpec spec, int most) {
    return writer.write(sql -> {
      RunTable.Marks marks = RunTable.locked(sql, dialect, spec.run());
      int free = Math.min(most, spec.admissionBound() - admitted(sql, spec.run()));
      if (free <= 0 || marks.phase() == RunPhase.CANCELLED) return List.of();
      List<Stored> next =
          sql.query(
              GroupTable::read,
              "select * from groups where run = ? and state = ? order by ordinal limit ?"
                  + dialect.skipLocked(),
              spec.run(),
              Fields.wire(State.PENDING),
              free);
      for (Stored group : next) {
        sql.update(
            "update groups set state = ?, owner = ? where run = ? and name = ?",
            Fields.wire(State.RUNNING),
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
  public List<Stored> takeOver(String run, int most) {
    String orphans =
        "select g.* from groups g where g.run = ? and g.state = 'running' and g.owner != ?"
            + " and not exists (select 1 from servers s where s.server = g.owner"
            + " and s.expires > %s) order by g.ordinal limit ?".formatted(dialect.nowMillis());
    if (readers.read(sql -> sql.query(row -> 1, orphans, run, server, 1)).isEmpty())
      return List.of();
    return writer.write(sql -> {
      List<Stored> taken =
          sql.query(GroupTable::read, orphans + dialect.skipLocked(), run, server, most);
      for (Stored group : taken)
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

  /// Closes the step that complete groups join now, if no other group can join it: none is left of
  /// a run that takes no task, or none can be admitted before the trainer, which holds less than a
  /// step, has trained.
  ///
  /// @return the marks after it, if it was closed
  public Optional<RunTable.Marks> closeStep(RunSpec spec) {
    String run = spec.run();
    return writer.write(sql -> {
      RunTable.Marks marks = RunTable.locked(sql, dialect, run);
      if (marks.stepGroups() == 0 || count(sql, run, State.RUNNING) > 0) return Optional.empty();
      boolean last = marks.phase() != RunPhase.OPEN && count(sql, run, State.PENDING) == 0;
      boolean stuck =
          admitted(sql, run) >= spec.admissionBound()
              && untrained(sql, marks) < spec.groupsPerVersion();
      if (!last && !stuck) return Optional.empty();
      sql.update("update runs set step = step + 1, step_groups = 0 where run = ?", run);
      return Optional.of(marks.at(marks.head(), marks.step() + 1, 0));
    });
  }

  /// Groups of closed steps that the trainer has not trained.
  private static int untrained(Sql sql, RunTable.Marks marks) throws SQLException {
    return sql.query(
            row -> row.getInt(1),
            "select count(*) from groups where run = ? and state = 'complete' and seq > ?"
                + " and step < ?",
            marks.run(),
            marks.trained(),
            marks.step())
        .getFirst();
  }

  /// The groups of a step in the order of their seq, also those that were dropped since.
  public List<Stored> step(String run, long step) {
    return readers.read(sql ->
        sql.query(
            GroupTable::read,
            "select * from groups where run = ? and step = ? order by seq",
            run,
            step));
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

  /// Counts of groups and rollouts, named for [RunState].
  public Map<String, Long> counters(String run) {
    Map<String, Long> counters = new LinkedHashMap<>();
    List<String> queries = new ArrayList<>();
    queries.add("select 'groups_' || state, count(*) from groups where run = ? group by state");
    queries.add(
        "select 'dropped_' || reason, count(*) from groups where run = ? and reason != ''"
            + " group by reason");
    // Buckets by length show whether the long rollouts are the ones that are lost.
    queries.add(
        "select 'dropped_length_' || case when length <= 1024 then '1k' when length <= 4096 then"
            + " '4k' when length <= 16384 then '16k' when length <= 65536 then '64k' else 'longer'"
            + " end as bucket, count(*) from groups where run = ? and reason != ''"
            + " group by bucket");
    queries.add("select 'rollouts_' || state, count(*) from rollouts where run = ? group by state");
    queries.add(
        "select 'stop_' || stop, count(*) from rollouts where run = ? and stop != ''"
            + " group by stop");
    queries.add("select 'quarantined', count(*) from quarantine where run = ?");
    queries.add(
        "select 'generated_tokens', coalesce(sum(generated_tokens), 0) from rollouts"
            + " where run = ?");
    readers.read(sql -> {
      for (String query : queries)
        sql.query(row -> counters.put(row.getString(1), row.getLong(2)), query, run);
      return counters;
    });
    return counters;
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
