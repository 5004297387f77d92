package dev.turnstone.trainerbridge.log;

import dev.turnstone.rollout.Task;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/// Groups from their task to their place in the feed.
public final class GroupTable {
  private final LogWriter writer;
  private final LogReaders readers;

  GroupTable(LogWriter writer, LogReaders readers) {
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
  public record Stored(
      String name,
      String task,
      State state,
      OptionalLong seq,
      String reason,
      int versionMin,
      int versionMax,
      int length) {}

  /// The bodies' checksums of those of `names` that are known.
  public Map<String, String> bodies(String run, List<String> names) {
    return readers.read(sql -> {
      Map<String, String> bodies = new LinkedHashMap<>();
      for (String name : names)
        sql.query(
            row -> bodies.put(name, row.getString(1)),
            "select body_sha256 from groups where run = ? and name = ?",
            run,
            name);
      return bodies;
    });
  }

  /// Makes new tasks durable, in their order, all or none.
  public void insert(RunSpec spec, List<GroupRequest> groups) {
    writer.write(sql -> {
      for (GroupRequest group : groups)
        sql.update(
            "insert into groups (run, name, ordinal, body_sha256, task, state) values (?1, ?2,"
                + " (select coalesce(max(ordinal), 0) + 1 from groups where run = ?1),"
                + " ?3, ?4, ?5)",
            spec.run(),
            group.group(),
            group.sha256(),
            JsonText.write(GroupRequest.taskJson(group.task(spec.environment()))),
            Fields.wire(State.PENDING));
      return groups.size();
    });
  }

  /// The oldest tasks that wait for admission.
  public List<Stored> pending(String run, int limit) {
    return readers.read(sql ->
        sql.query(
            GroupTable::read,
            "select * from groups where run = ? and state = ? order by ordinal limit ?",
            run,
            Fields.wire(State.PENDING),
            limit));
  }

  public List<Stored> running(String run) {
    return readers.read(sql ->
        sql.query(
            GroupTable::read,
            "select * from groups where run = ? and state = ? order by ordinal",
            run,
            Fields.wire(State.RUNNING)));
  }

  /// Admits groups: notes the first attempt of each of their rollouts.
  public void start(String run, int groupSize, List<Stored> groups) {
    writer.write(sql -> {
      for (Stored group : groups) {
        sql.update(
            "update groups set state = ? where run = ? and name = ?",
            Fields.wire(State.RUNNING),
            run,
            group.name());
        for (int index = 0; index < groupSize; index++)
          RolloutTable.start(sql, run, group.name(), index, 0);
      }
      return groups.size();
    });
  }

  /// Gives a group its seq and says what becomes of it and of each of its rollouts.
  public void settle(String run, String group, long seq, Settlement settlement) {
    writer.write(sql -> {
      for (Settlement.Outcome outcome : settlement.outcomes())
        RolloutTable.settle(sql, run, group, outcome);
      sql.update(
          "update groups set state = ?, seq = ?, reason = ?, version_min = ?, version_max = ?,"
              + " length = ? where run = ? and name = ?",
          Fields.wire(settlement.dropped() ? State.DROPPED : State.COMPLETE),
          seq,
          settlement.reason(),
          settlement.versionMin(),
          settlement.versionMax(),
          settlement.length(),
          run,
          group);
      return sql.update("update runs set head = ? where run = ?", seq, run);
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

  /// The seqs above `seq` whose groups were not dropped.
  public List<Long> completeAfter(String run, long seq) {
    return readers.read(sql ->
        sql.query(
            row -> row.getLong(1),
            "select seq from groups where run = ? and seq > ? and state = ?",
            run,
            seq,
            Fields.wire(State.COMPLETE)));
  }

  /// Counts of groups and rollouts, named for [RunState].
  public Map<String, Long> counters(String run) {
    Map<String, Long> counters = new LinkedHashMap<>();
    List<String> queries = new ArrayList<>();
    queries.add("select 'groups_' || state, count(*) from groups where run = ?1 group by state");
    queries.add(
        "select 'dropped_' || reason, count(*) from groups where run = ?1 and reason != ''"
            + " group by reason");
    // Buckets by length show whether the long rollouts are the ones that are lost.
    queries.add(
        "select 'dropped_length_' || case when length <= 1024 then '1k' when length <= 4096 then"
            + " '4k' when length <= 16384 then '16k' when length <= 65536 then '64k' else 'longer'"
            + " end as bucket, count(*) from groups where run = ?1 and reason != ''"
            + " group by bucket");
    queries.add(
        "select 'rollouts_' || state, count(*) from rollouts where run = ?1 group by state");
    queries.add(
        "select 'stop_' || stop, count(*) from rollouts where run = ?1 and stop != ''"
            + " group by stop");
    queries.add("select 'quarantined', count(*) from quarantine where run = ?1");
    queries.add(
        "select 'generated_tokens', coalesce(sum(generated_tokens), 0) from rollouts"
            + " where run = ?1");
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

  private static Stored read(ResultSet row) throws SQLException {
    long seq = row.getLong("seq");
    return new Stored(
        row.getString("name"),
        row.getString("task"),
        State.valueOf(row.getString("state").toUpperCase(Locale.ROOT)),
        seq == 0 ? OptionalLong.empty() : OptionalLong.of(seq),
        row.getString("reason"),
        row.getInt("version_min"),
        row.getInt("version_max"),
        row.getInt("length"));
  }

  public static Task task(Stored group, String environment) {
    return GroupRequest.parseTask(group.name(), environment, group.task());
  }
}
