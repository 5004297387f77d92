package dev.turnstone.trainerbridge.log;

import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.RunPhase;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;

/// Runs with their phase and the feed's durable cursors.
public final class RunTable {
  private final LogWriter writer;
  private final LogReaders readers;

  RunTable(LogWriter writer, LogReaders readers) {
    this.writer = writer;
    this.readers = readers;
  }

  /// A run as it was last written.
  ///
  /// @param head highest seq there is
  /// @param keptFrom first seq whose rows are kept
  public record Stored(
      RunSpec spec, RunPhase phase, long epoch, long head, Cursors cursors, long keptFrom) {
    public static Stored fresh(RunSpec spec) {
      return new Stored(spec, RunPhase.OPEN, 0, 0, new Cursors(0, 0, 0, 0), 1);
    }
  }

  /// How far a run's trainer has come. Each covers all groups up to that seq.
  ///
  /// @param committed durable in a checkpoint of the trainer
  /// @param trained step done, into `trainedVersion`
  /// @param released out of admission: trained and that version applied
  public record Cursors(long committed, long trained, int trainedVersion, long released) {}

  public void insert(RunSpec spec) {
    writer.write(sql ->
        sql.update(
            "insert into runs (run, spec, phase) values (?, ?, ?)",
            spec.run(),
            JsonText.write(spec.toJson()),
            Fields.wire(RunPhase.OPEN)));
  }

  public List<Stored> all() {
    return readers.read(sql -> sql.query(RunTable::read, "select * from runs order by rowid"));
  }

  public void phase(String run, RunPhase phase) {
    writer.write(
        sql -> sql.update("update runs set phase = ? where run = ?", Fields.wire(phase), run));
  }

  /// A trainer took the run: from now on only this epoch counts.
  public void attached(String run, long epoch, Cursors cursors) {
    writer.write(sql -> {
      sql.update("delete from checkpoints where run = ? and seq > ?", run, cursors.committed());
      sql.update("update runs set epoch = ? where run = ?", epoch, run);
      return move(sql, run, cursors);
    });
  }

  public void moved(String run, Cursors cursors) {
    writer.write(sql -> move(sql, run, cursors));
  }

  /// Notes a checkpoint and forgets the rows of groups that two later ones cover.
  ///
  /// @return the first seq whose rows are kept
  public long committed(String run, Cursors cursors, int version, String checkpoint) {
    return writer.write(sql -> {
      move(sql, run, cursors);
      sql.update(
          "insert into checkpoints (run, seq, version, checkpoint) values (?, ?, ?, ?)"
              + " on conflict (run, seq) do update"
              + " set version = excluded.version, checkpoint = excluded.checkpoint",
          run,
          cursors.committed(),
          version,
          checkpoint);
      List<Long> third =
          sql.query(
              row -> row.getLong(1),
              "select seq from checkpoints where run = ? order by seq desc limit 1 offset 2",
              run);
      if (!third.isEmpty()) forget(sql, run, third.getFirst());
      return sql.query(row -> row.getLong(1), "select kept_from from runs where run = ?", run)
          .getFirst();
    });
  }

  /// The version of the checkpoint that ends with `seq`.
  public OptionalInt checkpointVersion(String run, long seq) {
    return readers
        .read(sql ->
            sql.query(
                row -> row.getInt(1),
                "select version from checkpoints where run = ? and seq = ?",
                run,
                seq))
        .stream()
        .mapToInt(Integer::intValue)
        .findFirst();
  }

  private static int forget(Sql sql, String run, long seq) throws SQLException {
    sql.update("delete from checkpoints where run = ? and seq < ?", run, seq);
    sql.update(
        "update rollouts set record = null where run = ?1 and record is not null and group_name in"
            + " (select name from groups where run = ?1 and seq <= ?2"
            + " and seq >= (select kept_from from runs where run = ?1))",
        run,
        seq);
    return sql.update("update runs set kept_from = ? where run = ?", seq + 1, run);
  }

  private static int move(Sql sql, String run, Cursors cursors) throws SQLException {
    return sql.update(
        "update runs set committed = ?, trained = ?, trained_version = ?, released = ?"
            + " where run = ?",
        cursors.committed(),
        cursors.trained(),
        cursors.trainedVersion(),
        cursors.released(),
        run);
  }

  private static Stored read(ResultSet row) throws SQLException {
    return new Stored(
        RunSpec.parse(JsonText.parse(row.getString("spec")), Integer.MAX_VALUE),
        RunPhase.valueOf(row.getString("phase").toUpperCase(Locale.ROOT)),
        row.getLong("epoch"),
        row.getLong("head"),
        new Cursors(
            row.getLong("committed"),
            row.getLong("trained"),
            row.getInt("trained_version"),
            row.getLong("released")),
        row.getLong("kept_from"));
  }
}
