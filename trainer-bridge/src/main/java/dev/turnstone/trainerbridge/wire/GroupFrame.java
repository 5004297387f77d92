package dev.turnstone.trainerbridge.wire;

import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Task;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// One whole group as a trainer receives it. It never changes after its `seq` was given.
///
/// @param seq dense per run, from 1
/// @param epoch of the connection that it was sent over
/// @param groupAttempt 0: a group is rolled out once; its rollouts have attempts of their own
/// @param expected the run's group size: `delivered` + failed
/// @param delivered rollouts that have rows here
/// @param versionMin lowest version that sampled a token here; [Row#NOT_SAMPLED] if none did
/// @param versionMax highest version that sampled a token here
/// @param rows in the order of (rollout, branch)
/// @param advantages of scored rollouts by index; empty if the run leaves them to its trainer
public record GroupFrame(
    long seq,
    long epoch,
    String group,
    int groupAttempt,
    Task task,
    int expected,
    int delivered,
    List<Failed> failed,
    int versionMin,
    int versionMax,
    List<GroupRow> rows,
    Map<Integer, Double> advantages,
    Stats stats) {
  public GroupFrame {
    failed = List.copyOf(failed);
    advantages = Map.copyOf(advantages);
    rows = List.copyOf(rows);
    long rollouts = rows.stream().mapToInt(GroupRow::rollout).distinct().count();
    if (rollouts != delivered || expected != delivered + failed.size())
      throw new IllegalArgumentException(
          "group %s: expected %d, delivered %d, rows of %d rollouts, %d failed"
              .formatted(group, expected, delivered, rollouts, failed.size()));
  }

  GroupHeader header() {
    return new GroupHeader(
        seq,
        epoch,
        group,
        groupAttempt,
        task,
        expected,
        delivered,
        failed,
        versionMin,
        versionMax,
        advantages,
        stats);
  }

  /// The first row that a trainer must refuse, and why.
  public Optional<String> violation(int vocabSize) {
    return rows.stream()
        .flatMap(row ->
            RowCheck.violation(row.data(), vocabSize).stream()
                .map(why -> "row %d: %s".formatted(row.row(), why)))
        .findFirst();
  }

  /// A rollout without rows here, outside the baseline.
  ///
  /// @param reason a stop reason, `quarantined` or `unscored`
  /// @param detail one sentence, empty if the reason says all
  public record Failed(int rollout, int rolloutAttempt, String reason, String detail) {}

  /// One row with what its group knows about it.
  ///
  /// @param row number within the group, from 0
  /// @param rollout index of the rollout within the group
  /// @param reward of the whole rollout, the same on each of its rows; empty until scored
  public record GroupRow(
      int row,
      int rollout,
      int rolloutAttempt,
      StopReason stop,
      Optional<Reward> reward,
      Row data) {}

  /// What the delivered rollouts cost together.
  public record Stats(
      int turns, long generatedTokens, long cachedTokens, int toolCalls, long wallMillis) {}
}
