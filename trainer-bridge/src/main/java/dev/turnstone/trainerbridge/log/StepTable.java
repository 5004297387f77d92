package dev.turnstone.trainerbridge.log;

import dev.turnstone.trainerbridge.spec.RunPhase;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;

/// The training steps that a run's complete groups make, in the order of their seq; a group joins
/// one in the transaction that [settles it][GroupTable#settle].
public final class StepTable {
  private final Dialect dialect;
  private final LogWriter writer;
  private final LogReaders readers;

  StepTable(Dialect dialect, LogWriter writer, LogReaders readers) {
    this.dialect = dialect;
    this.writer = writer;
    this.readers = readers;
  }

  /// Closes the step that complete groups join now, if no other group can join it: none is left of
  /// a run that takes no task, or none can be admitted before the trainer, which holds less than a
  /// step, has trained.
  ///
  /// @return the marks after it, if it was closed
  public Optional<RunTable.Marks> close(RunSpec spec) {
    String run = spec.run();
    return writer.write(sql -> {
      RunTable.Marks marks = RunTable.locked(sql, dialect, run);
      if (marks.stepGroups() == 0 || GroupTable.any(sql, run, GroupTable.State.RUNNING))
        return Optional.empty();
      boolean last =
          marks.phase() != RunPhase.OPEN && !GroupTable.any(sql, run, GroupTable.State.PENDING);
      boolean stuck =
          GroupAdmission.admitted(sql, run) >= spec.admissionBound()
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
  public List<GroupTable.Stored> groups(String run, long step) {
    return readers.read(sql ->
        sql.query(
            GroupTable::read,
            "select * from groups where run = ? and step = ? order by seq",
            run,
            step));
  }
}
