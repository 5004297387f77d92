package dev.turnstone.trainerbridge.log;

import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.RunPhase;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Runs with their phase and the feed's durable cursors.
///
/// Every change reads the run's row first, in its own transaction, so several servers may make
/// them. A group is released, which makes room for another, when it is dropped, or when a training
/// step covers it and that step's version is applied; until then the step waits in `steps`. There
/// is no version arithmetic beyond that, so filtered groups, skipped steps and resumes cannot make
/// admission drift.
public final class RunTable {
  private static final String MARKS =
      "select run, phase, epoch, head, trained, trained_version, released, committed, kept_from,"
          + " step, step_groups from runs";

  private final Dialect dialect;
  private final LogWriter writer;
  private final LogReaders readers;

  RunTable(Dialect dialect, LogWriter writer, LogReaders readers) {
    this.dialect = dialect;
    this.writer = writer;
    this.readers = readers;
  }

  /// Where a run's feed is.
  ///
  /// @param epoch counts the trainers that took the run
  /// @param head highest seq there is
  /// @param trained every group up to it was trained, into `trainedVersion`
  /// @param released every group up to it is out of admission
  /// @param committed every group up to it is in a checkpoint of the trainer
  /// @param keptFrom first seq that is kept for redelivery
  /// @param step number of the step that complete groups join now, from 1
  /// @param stepGroups complete groups that have joined it
  public record Marks(
      String run,
      RunPhase phase,
      long epoch,
      long head,
      long trained,
      int trainedVersion,
      long released,
      long committed,
      long keptFrom,
      long step,
      int stepGroups) {
    /// The same at a higher head.
    public Marks at(long seq, long nextStep, int joined) {
      return new Marks(
          run,
          phase,
          epoch,
          seq,
          trained,
          trainedVersion,
          released,
          committed,
          keptFrom,
          nextStep,
          joined);
    }

    /// The next group has its seq.
    ///
    /// @param stepSize complete groups that make a step
    Marks settled(boolean complete, int stepSize) {
      if (!complete) return at(head + 1, step, stepGroups);
      boolean full = stepGroups + 1 >= stepSize;
      return at(head + 1, full ? step + 1 : step, full ? 0 : stepGroups + 1);
    }

    /// A run that was just made.
    public static Marks fresh(String run) {
      return new Marks(run, RunPhase.OPEN, 0, 0, 0, 0, 0, 0, 1, 1, 0);
    }
  }

  /// A run as it was last written.
  public record Stored(RunSpec spec, Marks marks) {
    public static Stored fresh(RunSpec spec) {
      return new Stored(spec, Marks.fresh(spec.run()));
    }
  }

  /// Stores a run unless one of that name is there.
  ///
  /// @return whether it was stored
  public boolean insert(RunSpec spec) {
    return writer.write(sql ->
        sql.update(
            "insert into runs (run, spec, phase, created_ms) values (?, ?, ?, %s)"
                    .formatted(dialect.nowMillis())
                + " on conflict (run) do nothing",
            spec.run(),
            JsonText.write(spec.toJson()),
            Fields.wire(RunPhase.OPEN)))
        > 0;
  }

  public List<Stored> all() {
    return readers.read(
        sql -> sql.query(RunTable::read, "select * from runs order by created_ms, run"));
  }

  public Optional<Stored> find(String run) {
    return readers
        .read(sql -> sql.query(RunTable::read, "select * from runs where run = ?", run))
        .stream()
        .findFirst();
  }

  /// Every run's marks, without its specification.
  public List<Marks> marks() {
    return readers.read(sql -> sql.query(RunTable::marks, MARKS));
  }

  /// Ends an open run or cancels any.
  public Marks phase(String run, RunPhase phase) {
    return writer.write(sql -> {
      Marks marks = locked(sql, run);
      boolean possible = phase == RunPhase.CANCELLED || marks.phase() == RunPhase.OPEN;
      if (possible) sql.update("update runs set phase = ? where run = ?", Fields.wire(phase), run);
      return one(sql, run);
    });
  }

  /// A trainer took the run: from now on only the new epoch counts. It can only have trained what
  /// it holds, so what its predecessor trained beyond that is untrained again.
  public Marks attach(String run, long commit, long held, WeightsId applied) {
    return writer.write(sql -> {
      Marks was = locked(sql, run);
      sql.update("delete from checkpoints where run = ? and seq > ?", run, commit);
      long trained = Math.clamp(was.trained(), commit, held);
      int version =
          trained < was.trained()
              ? checkpointVersion(sql, run, trained).orElse(was.trainedVersion())
              : was.trainedVersion();
      sql.update("delete from steps where run = ? and seq > ?", run, trained);
      sql.update(
          "update runs set epoch = epoch + 1, committed = ?, trained = ?, trained_version = ?,"
              + " released = ? where run = ?",
          commit,
          trained,
          version,
          Math.min(was.released(), trained),
          run);
      if (trained > Math.min(was.released(), trained)) step(sql, run, trained, version);
      return release(sql, run, applied, false);
    });
  }

  /// Notes a training step.
  ///
  /// @return empty if the epoch is over
  public Optional<Marks> trained(String run, long epoch, long seq, int version, WeightsId applied) {
    return writer.write(sql -> {
      Marks was = locked(sql, run);
      if (was.epoch() != epoch) return Optional.empty();
      if (seq <= was.trained()) return Optional.of(was);
      train(sql, run, seq, version);
      return Optional.of(release(sql, run, applied, false));
    });
  }

  /// Notes a checkpoint, which covers what was trained whether or not `trained` said so. Groups
  /// that two later ones cover need not be kept any more.
  ///
  /// @return empty if the epoch is over
  public Optional<Marks> committed(
      String run, long epoch, long seq, int version, String checkpoint, WeightsId applied) {
    return writer.write(sql -> {
      Marks was = locked(sql, run);
      if (was.epoch() != epoch) return Optional.empty();
      if (seq < was.committed()) return Optional.of(was);
      if (seq > was.trained()) train(sql, run, seq, version);
      sql.update("update runs set committed = ? where run = ?", seq, run);
      sql.update(
          "insert into checkpoints (run, seq, version, checkpoint) values (?, ?, ?, ?)"
              + " on conflict (run, seq) do update"
              + " set version = excluded.version, checkpoint = excluded.checkpoint",
          run,
          seq,
          version,
          checkpoint);
      List<Long> third =
          sql.query(
              row -> row.getLong(1),
              "select seq from checkpoints where run = ? order by seq desc limit 1 offset 2",
              run);
      if (!third.isEmpty()) forget(sql, run, third.getFirst());
      return Optional.of(release(sql, run, applied, false));
    });
  }

  /// New weights serve; a new lineage stands for every step that came before it.
  public Marks applied(String run, WeightsId weights, boolean newLineage) {
    return writer.write(sql -> {
      locked(sql, run);
      return release(sql, run, weights, newLineage);
    });
  }

  /// Reads a run's row for a change.
  static Marks locked(Sql sql, Dialect dialect, String run) throws SQLException {
    List<Marks> marks =
        sql.query(RunTable::marks, MARKS + " where run = ?" + dialect.forUpdate(), run);
    if (marks.isEmpty()) throw new LogException("the log has no run " + run);
    return marks.getFirst();
  }

  private Marks locked(Sql sql, String run) throws SQLException {
    return locked(sql, dialect, run);
  }

  private static Marks one(Sql sql, String run) throws SQLException {
    return sql.query(RunTable::marks, MARKS + " where run = ?", run).getFirst();
  }

  private static void train(Sql sql, String run, long seq, int version) throws SQLException {
    step(sql, run, seq, version);
    sql.update("update runs set trained = ?, trained_version = ? where run = ?", seq, version, run);
  }

  private static void step(Sql sql, String run, long seq, int version) throws SQLException {
    sql.update(
        "insert into steps (run, seq, version) values (?, ?, ?)"
            + " on conflict (run, seq) do update set version = excluded.version",
        run,
        seq,
        version);
  }

  private static Marks release(Sql sql, String run, WeightsId applied, boolean newLineage)
      throws SQLException {
    int version = newLineage ? Integer.MAX_VALUE : applied.version();
    Optional<Long> through =
        sql
            .query(
                row -> row.getLong(1),
                "select seq from steps where run = ? and version <= ? order by seq desc limit 1",
                run,
                version)
            .stream()
            .findFirst();
    if (through.isPresent()) {
      sql.update("delete from steps where run = ? and seq <= ?", run, through.get());
      sql.update(
          "update runs set released = ? where run = ? and released < ?",
          through.get(),
          run,
          through.get());
    }
    return one(sql, run);
  }

  private static Optional<Integer> checkpointVersion(Sql sql, String run, long seq)
      throws SQLException {
    return sql
        .query(
            row -> row.getInt(1),
            "select version from checkpoints where run = ? and seq = ?",
            run,
            seq)
        .stream()
        .findFirst();
  }

  private static void forget(Sql sql, String run, long seq) throws SQLException {
    sql.update("delete from checkpoints where run = ? and seq < ?", run, seq);
    sql.update("update runs set kept_from = ? where run = ?", seq + 1, run);
  }

  private static Stored read(ResultSet row) throws SQLException {
    return new Stored(
        RunSpec.parse(JsonText.parse(row.getString("spec")), Integer.MAX_VALUE), marks(row));
  }

  static Marks marks(ResultSet row) throws SQLException {
    return new Marks(
        row.getString("run"),
        RunPhase.valueOf(row.getString("phase").toUpperCase(Locale.ROOT)),
        row.getLong("epoch"),
        row.getLong("head"),
        row.getLong("trained"),
        row.getInt("trained_version"),
        row.getLong("released"),
        row.getLong("committed"),
        row.getLong("kept_from"),
        row.getLong("step"),
        row.getInt("step_groups"));
  }
}
