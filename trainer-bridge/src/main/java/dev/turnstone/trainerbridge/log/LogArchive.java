package dev.turnstone.trainerbridge.log;

import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// A log as people look at it: only read, also while servers write to it.
public final class LogArchive implements AutoCloseable {
  private static final int PAGE = 200;

  private final Database database;
  private final LogReaders readers;

  private LogArchive(Database database) throws SQLException {
    this.database = database;
    readers = new LogReaders(database, 1);
  }

  /// Opens a PostgreSQL URL, a folder that holds a SQLite log, or a server's data folder.
  ///
  /// @throws IOException with one sentence, if there is no log of this version
  public static LogArchive open(String place) throws IOException {
    Database database =
        place.startsWith("jdbc:") ? Database.postgresql(place) : Database.sqlite(file(place));
    database.requireCurrent();
    try {
      return new LogArchive(database);
    } catch (SQLException e) {
      throw new IOException(
          "the log in %s cannot be opened: %s".formatted(database.name(), e.getMessage()), e);
    }
  }

  private static Path file(String place) throws IOException {
    Path file = Path.of(place).resolve(TrajectoryLog.FILE);
    if (!Files.isRegularFile(file)) throw new IOException("there is no log in " + place);
    return file;
  }

  /// A run in one line.
  public record RunLine(RunTable.Marks marks, long createdMillis, long groups, long rollouts) {}

  /// A group in one line.
  ///
  /// @param reason why it was dropped, else empty
  public record GroupLine(
      String run,
      String group,
      String state,
      OptionalLong seq,
      String reason,
      int versionMin,
      int versionMax,
      int length,
      long rollouts) {}

  /// A rollout's attempt without its tokens.
  ///
  /// @param state `running`, `finished`, `quarantined` or `abandoned`
  /// @param seq of its group
  /// @param outcome `train`, `mask` or `failed`; empty before its group is settled
  /// @param failure why it failed
  /// @param summary empty while it runs
  /// @param stored whether its tokens are still there
  public record Line(
      RolloutId id,
      String state,
      OptionalLong seq,
      String outcome,
      String failure,
      Optional<RolloutSummary> summary,
      boolean stored) {}

  public List<RunLine> runs() {
    return readers.read(sql ->
        sql.query(
            row ->
                new RunLine(
                    RunTable.marks(row),
                    row.getLong("created_ms"),
                    row.getLong("group_count"),
                    row.getLong("rollout_count")),
            "select r.*, (select count(*) from groups g where g.run = r.run) as group_count,"
                + " (select count(*) from rollouts o where o.run = r.run) as rollout_count"
                + " from runs r order by created_ms, run"));
  }

  public List<GroupLine> groups(LogFilter filter) {
    Where where = filter.groups();
    return readers.read(sql ->
        sql.query(
            LogArchive::group,
            "select g.*, (select count(*) from rollouts o where o.run = g.run and o.group_name ="
                + " g.name) as rollout_count from groups g"
                + where.sql()
                + " order by g.run, g.ordinal limit ?",
            where.with(filter.limit())));
  }

  private static GroupLine group(ResultSet row) throws SQLException {
    return new GroupLine(
        row.getString("run"),
        row.getString("name"),
        row.getString("state"),
        seq(row),
        row.getString("reason"),
        row.getInt("version_min"),
        row.getInt("version_max"),
        row.getInt("length"),
        row.getLong("rollout_count"));
  }

  /// The attempts that the filter lets through, in the order of the feed, then of submission.
  public List<Line> lines(LogFilter filter) {
    return lines(filter, 0, filter.limit());
  }

  private List<Line> lines(LogFilter filter, int from, int most) {
    Where where = filter.rollouts();
    return readers.read(sql ->
        sql.query(
            LogArchive::line,
            "select o.*, g.seq as group_seq from rollouts o join groups g on g.run = o.run and"
                + " g.name = o.group_name"
                + where.sql()
                + " order by o.run, g.ordinal, o.idx, o.attempt limit ? offset ?",
            where.with(most, from)));
  }

  /// What is told of each stored trajectory in turn.
  @FunctionalInterface
  public interface Visitor {
    void visit(Line line, Trajectory trajectory) throws IOException, InterruptedException;
  }

  /// Reads the trajectories that the filter lets through, one after another.
  ///
  /// @return how many there were; those whose tokens were forgotten are not among them
  public int forEach(LogFilter filter, Visitor visitor) throws IOException, InterruptedException {
    int visited = 0;
    for (int from = 0; from < filter.limit(); from += PAGE) {
      List<Line> page = lines(filter, from, Math.min(PAGE, filter.limit() - from));
      for (Line line : page) {
        Optional<Trajectory> trajectory = trajectory(line.id());
        if (trajectory.isEmpty()) continue;
        visitor.visit(line, trajectory.get());
        visited++;
      }
      if (page.size() < PAGE) break;
    }
    return visited;
  }

  /// One attempt; the newest if `attempt` is empty.
  public Optional<Line> find(String run, String group, int index, OptionalInt attempt) {
    return readers
        .read(sql ->
            sql.query(
                LogArchive::line,
                "select o.*, g.seq as group_seq from rollouts o join groups g on g.run = o.run and"
                    + " g.name = o.group_name where o.run = ? and o.group_name = ? and o.idx = ?"
                    + (attempt.isPresent() ? " and o.attempt = " + attempt.getAsInt() : "")
                    + " order by o.attempt desc limit 1",
                run,
                group,
                index))
        .stream()
        .findFirst();
  }

  private static Line line(ResultSet row) throws SQLException {
    RolloutId id =
        new RolloutId(
            row.getString("run"),
            row.getString("group_name"),
            row.getInt("idx"),
            row.getInt("attempt"));
    long seq = row.getLong("group_seq");
    return new Line(
        id,
        row.getString("state"),
        seq == 0 ? OptionalLong.empty() : OptionalLong.of(seq),
        row.getString("outcome"),
        row.getString("failure"),
        RolloutTable.summary(row),
        row.getLong("bytes") > 0);
  }

  private static OptionalLong seq(ResultSet row) throws SQLException {
    long seq = row.getLong("seq");
    return seq == 0 ? OptionalLong.empty() : OptionalLong.of(seq);
  }

  /// Empty while it runs and after its tokens were forgotten.
  public Optional<Trajectory> trajectory(RolloutId id) {
    return RolloutTable.trajectory(database, readers, id);
  }

  /// The task of a group, in the environment of its run.
  public Optional<Task> task(String run, String group) {
    return readers
        .read(sql ->
            sql.query(
                row ->
                    GroupTable.task(
                        GroupTable.read(row),
                        RunSpec.parse(JsonText.parse(row.getString("spec")), Integer.MAX_VALUE)
                            .environment()),
                "select g.*, r.spec from groups g join runs r on r.run = g.run where g.run = ?"
                    + " and g.name = ?",
                run,
                group))
        .stream()
        .findFirst();
  }

  /// Whether there is a run of that name.
  public boolean hasRun(String run) {
    return !readers
        .read(sql -> sql.query(row -> 1, "select 1 from runs where run = ?", run))
        .isEmpty();
  }

  /// Scores that a rollout was given later, by name.
  public Map<String, Double> scores(RolloutId id) {
    return ScoreTable.of(readers, id);
  }

  @Override
  public void close() {
    try {
      readers.close();
    } catch (SQLException e) {
      throw new LogException("the log did not close: " + e.getMessage(), e);
    }
  }
}
