package dev.turnstone.trainerbridge.wire;

import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Task;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// One whole group as a trainer receives it. It never changes after its `seq` was given.
///
/// @param rows in the order of (rollout, branch)
public record GroupFrame(GroupHeader header, List<GroupRow> rows) {
  public GroupFrame {
    rows = List.copyOf(rows);
    long rollouts = rows.stream().mapToInt(GroupRow::rollout).distinct().count();
    if (rollouts != header.delivered())
      throw new IllegalArgumentException(
          "group %s: delivered %d, rows of %d rollouts"
              .formatted(header.group(), header.delivered(), rollouts));
  }

  public long seq() {
    return header.seq();
  }

  public long epoch() {
    return header.epoch();
  }

  /// Its name.
  public String group() {
    return header.group();
  }

  public Task task() {
    return header.task();
  }

  public int expected() {
    return header.expected();
  }

  public int delivered() {
    return header.delivered();
  }

  public List<Failed> failed() {
    return header.failed();
  }

  public int versionMin() {
    return header.versionMin();
  }

  public int versionMax() {
    return header.versionMax();
  }

  public Map<Integer, Double> advantages() {
    return header.advantages();
  }

  public Stats stats() {
    return header.stats();
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
  /// @param advantages one per token, 0 where nothing is trained; empty unless the run's algorithm
  ///   has more than one in a rollout
  public record GroupRow(
      int row,
      int rollout,
      int rolloutAttempt,
      StopReason stop,
      Optional<Reward> reward,
      Row data,
      Optional<RunLength<Float>> advantages) {}

  /// What the delivered rollouts cost together.
  public record Stats(
      int turns, long generatedTokens, long cachedTokens, int toolCalls, long wallMillis) {}
}
