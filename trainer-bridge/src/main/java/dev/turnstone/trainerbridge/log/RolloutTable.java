package dev.turnstone.trainerbridge.log;

import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.wire.TrajectoryCodec;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/// Rollouts by attempt: their trajectory and what their group made of them.
public final class RolloutTable {
  private final Database database;
  private final LogWriter writer;
  private final LogReaders readers;
  private final RecentRecords recent;

  RolloutTable(Database database, LogWriter writer, LogReaders readers, RecentRecords recent) {
    this.database = database;
    this.writer = writer;
    this.readers = readers;
    this.recent = recent;
  }

  /// The newest attempt at one rollout.
  ///
  /// @param summary empty while it runs
  public record Latest(int index, int attempt, Optional<RolloutSummary> summary) {}

  /// A rollout of a settled group.
  ///
  /// @param summary empty if it did not finish in time
  /// @param turnTokens empty for one that was logged before they were noted
  public record Settled(
      Settlement.Outcome outcome,
      Optional<RolloutSummary> summary,
      Optional<TurnTokens> turnTokens) {}

  public static int start(Sql sql, String run, String group, int index, int attempt)
      throws SQLException {
    return sql.update(
        "insert into rollouts (run, group_name, idx, attempt, state) values (?, ?, ?, ?,"
            + " 'running')",
        run,
        group,
        index,
        attempt);
  }

  /// Notes a further attempt, because the older one failed or was cut off.
  public void start(String run, String group, int index, int attempt) {
    writer.write(sql -> {
      sql.update(
          "update rollouts set state = 'abandoned' where run = ? and group_name = ? and idx = ?"
              + " and state = 'running'",
          run,
          group,
          index);
      return start(sql, run, group, index, attempt);
    });
  }

  /// A finished trajectory on its way into the log, encoded once however often that is tried.
  public static final class Finished {
    private final RolloutId id;
    private final RolloutSummary summary;
    private final byte[] record;
    private final byte[] packed;
    private final String turnTokens;

    public Finished(Trajectory trajectory, RolloutSummary summary) {
      id = trajectory.id();
      this.summary = summary;
      record = TrajectoryCodec.encode(trajectory);
      packed = TrajectoryCodec.pack(record);
      turnTokens = TurnTokens.of(trajectory).write();
    }
  }

  /// Stores a finished trajectory, unless its group was settled without it.
  ///
  /// @return whether it was stored
  public boolean finish(Finished finished) {
    boolean stored = store(finished);
    if (stored) recent.put(finished.id, finished.record);
    return stored;
  }

  private boolean store(Finished finished) {
    String run = finished.id.run();
    RolloutSummary summary = finished.summary;
    return writer.write(sql -> {
      Optional<RecordFiles.Place> place = Optional.empty();
      if (database.records().isPresent())
        place = Optional.of(database.records().get().append(finished.packed));
      int stored =
          sql.update(
              "update rollouts set state = ?, stop = ?, detail = ?, reward = ?, row_count = ?,"
                  + " length = ?, turns = ?, tool_calls = ?, generated_tokens = ?,"
                  + " cached_tokens = ?, version_min = ?, version_max = ?, wall_ms = ?,"
                  + " violation = ?, turn_tokens = ?, record = ?, bytes = ?, file = ?, place = ?,"
                  + " finished_ms = "
                  + database.dialect().nowMillis()
                  + " where run = ? and group_name = ? and idx = ?"
                  + " and attempt = ? and state = 'running' and outcome = ''",
              summary.quarantined() ? "quarantined" : "finished",
              summary.stop().wire(),
              summary.detail(),
              summary.reward().isPresent() ? summary.reward().getAsDouble() : null,
              summary.rows(),
              summary.length(),
              summary.turns(),
              summary.toolCalls(),
              summary.generatedTokens(),
              summary.cachedTokens(),
              summary.versionMin(),
              summary.versionMax(),
              summary.wallMillis(),
              summary.violation(),
              finished.turnTokens,
              place.isPresent() ? null : finished.packed,
              finished.packed.length,
              place.map(RecordFiles.Place::file).orElse(0),
              place.map(RecordFiles.Place::at).orElse(0L),
              run,
              summary.group(),
              summary.index(),
              summary.attempt());
      if (stored > 0 && summary.quarantined())
        sql.update(
            "insert into quarantine (run, group_name, idx, attempt, reason)"
                + " values (?, ?, ?, ?, ?)",
            run,
            summary.group(),
            summary.index(),
            summary.attempt(),
            summary.violation());
      return stored > 0;
    });
  }

  static int settle(Sql sql, String run, String group, Settlement.Outcome outcome)
      throws SQLException {
    return sql.update(
        "update rollouts set outcome = ?, failure = ?, detail = case when detail = '' then ? else"
            + " detail end where run = ? and group_name = ? and idx = ? and attempt = ?",
        outcome.kind(),
        outcome.failure(),
        outcome.detail(),
        run,
        group,
        outcome.index(),
        outcome.attempt());
  }

  /// The newest attempt at each rollout of a group.
  public List<Latest> latest(String run, String group) {
    return readers.read(sql ->
        sql.query(
            row -> new Latest(row.getInt("idx"), row.getInt("attempt"), summary(row)),
            "select * from rollouts r where run = ? and group_name = ? and attempt = (select"
                + " max(attempt) from rollouts where run = r.run and group_name = r.group_name"
                + " and idx = r.idx) order by idx",
            run,
            group));
  }

  /// Attempts of a group that failed and were started again.
  public int refills(String run, String group) {
    return readers
        .read(sql ->
            sql.query(
                row -> row.getInt(1),
                "select count(*) from rollouts r where run = ? and group_name = ? and stop != ''"
                    + " and attempt < (select max(attempt) from rollouts where run = r.run and"
                    + " group_name = r.group_name and idx = r.idx)",
                run,
                group))
        .getFirst();
  }

  /// The rollouts that a settled group consists of, failed ones included.
  public List<Settled> settled(String run, String group) {
    return readers.read(sql ->
        sql.query(
            row ->
                new Settled(
                    new Settlement.Outcome(
                        row.getInt("idx"),
                        row.getInt("attempt"),
                        row.getString("outcome"),
                        row.getString("failure"),
                        row.getString("detail")),
                    summary(row),
                    Optional.of(row.getString("turn_tokens"))
                        .filter(text -> !text.isEmpty())
                        .map(TurnTokens::parse)),
            "select * from rollouts where run = ? and group_name = ? and outcome != ''"
                + " order by idx",
            run,
            group));
  }

  /// The trajectory of one attempt; empty while it runs and after its rows were forgotten.
  public Optional<Trajectory> trajectory(String run, String group, int index, int attempt) {
    return trajectory(database, readers, new RolloutId(run, group, index, attempt));
  }

  /// The same as [TrajectoryCodec] wrote it.
  public Optional<byte[]> record(RolloutId id) {
    return recent.find(id).or(() -> stored(database, readers, id).map(TrajectoryCodec::unpack));
  }

  static Optional<Trajectory> trajectory(Database database, LogReaders readers, RolloutId id) {
    return stored(database, readers, id).map(TrajectoryCodec::decode);
  }

  private static Optional<byte[]> stored(Database database, LogReaders readers, RolloutId id) {
    Optional<byte[]> stored = packed(database, readers, id);
    if (stored.isEmpty()) requireForgotten(database, readers, id);
    return stored;
  }

  /// A folder that was copied without its files must not look like one whose records went.
  private static void requireForgotten(Database database, LogReaders readers, RolloutId id) {
    readers
        .read(sql ->
            sql.query(
                row -> row.getInt(1),
                "select file from rollouts where run = ? and group_name = ? and idx = ?"
                    + " and attempt = ? and file > 0",
                id.run(),
                id.group(),
                id.index(),
                id.attempt()))
        .forEach(file -> {
          throw new LogException(
              "the log in %s has no file records-%d, which holds the tokens of %s"
                  .formatted(database.name(), file, id));
        });
  }

  private static Optional<byte[]> packed(Database database, LogReaders readers, RolloutId id) {
    return readers
        .read(sql ->
            sql.query(
                row -> bytes(database, row),
                "select record, file, place, bytes from rollouts where run = ? and group_name = ?"
                    + " and idx = ? and attempt = ?",
                id.run(),
                id.group(),
                id.index(),
                id.attempt()))
        .stream()
        .flatMap(Optional::stream)
        .findFirst();
  }

  private static Optional<byte[]> bytes(Database database, ResultSet row) throws SQLException {
    int file = row.getInt("file");
    if (file == 0 || database.records().isEmpty())
      return Optional.ofNullable(row.getBytes("record"));
    return database
        .records()
        .get()
        .read(new RecordFiles.Place(file, row.getLong("place")), row.getInt("bytes"));
  }

  /// Empty while the attempt runs.
  static Optional<RolloutSummary> summary(ResultSet row) throws SQLException {
    String stop = row.getString("stop");
    if (stop.isEmpty()) return Optional.empty();
    double reward = row.getDouble("reward");
    OptionalDouble scored = row.wasNull() ? OptionalDouble.empty() : OptionalDouble.of(reward);
    return Optional.of(
        new RolloutSummary(
            row.getString("group_name"),
            row.getInt("idx"),
            row.getInt("attempt"),
            StopReason.ofWire(stop),
            row.getString("detail"),
            scored,
            row.getInt("row_count"),
            row.getInt("length"),
            row.getInt("turns"),
            row.getInt("tool_calls"),
            row.getInt("generated_tokens"),
            row.getInt("cached_tokens"),
            row.getInt("version_min"),
            row.getInt("version_max"),
            row.getLong("wall_ms"),
            row.getString("violation")));
  }
}
