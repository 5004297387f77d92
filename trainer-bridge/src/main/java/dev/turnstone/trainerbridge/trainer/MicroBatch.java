package dev.turnstone.trainerbridge.trainer;

import dev.turnstone.rollout.Row;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Rows that go through the forward pass together, and their per-token values in its order: row by
/// row, trained positions only.
public final class MicroBatch {
  private final List<TrainingRow> rows;
  private final TokenBatch tokens;

  private MicroBatch(List<TrainingRow> rows) {
    this.rows = List.copyOf(rows);
    this.tokens =
        new TokenBatch(
            rows.stream()
                .map(r ->
                    new TokenBatch.Scored(r.row().ids(), r.row().mask(), r.row().temperatures()))
                .toList());
  }

  /// Packs rows of similar length together so that little is padded.
  ///
  /// @param budget padded tokens of one micro-batch; a longer row gets one of its own
  static List<MicroBatch> pack(List<TrainingRow> rows, int budget) {
    var sorted = new ArrayList<>(rows);
    sorted.sort(Comparator.comparingInt(row -> row.row().length()));
    var batches = new ArrayList<MicroBatch>();
    var current = new ArrayList<TrainingRow>();
    for (TrainingRow row : sorted) {
      if (!current.isEmpty() && (current.size() + 1) * row.row().length() > budget) {
        batches.add(new MicroBatch(current));
        current.clear();
      }
      current.add(row);
    }
    if (!current.isEmpty()) batches.add(new MicroBatch(current));
    return batches;
  }

  TokenBatch tokens() {
    return tokens;
  }

  /// One value per trained token.
  @FunctionalInterface
  interface PerToken {
    float of(TrainingRow row, int position);
  }

  float[] map(PerToken function) {
    float[] values = new float[tokens.size()];
    int at = 0;
    for (TrainingRow row : rows)
      for (int position : row.row().mask().stream().toArray())
        values[at++] = function.of(row, position);
    return values;
  }

  float[] behaviour() {
    return map((row, position) -> row.row().logprobs().get(position));
  }

  /// The rows, in the order of the targets.
  List<TrainingRow> rows() {
    return rows;
  }

  /// Adds to `into` the tokens that `version` sampled over KV blocks of its own.
  void compare(float[] recomputed, int version, Mismatch into) {
    int at = 0;
    for (TrainingRow row : rows)
      for (int position : row.row().mask().stream().toArray()) {
        if (row.row().versions().get(position) == version && pure(row.row(), position))
          into.add(recomputed[at], row.row().logprobs().get(position));
        at++;
      }
  }

  /// Takes a trained token: where it is in its row, and where its values are in arrays.
  @FunctionalInterface
  interface TokenTaker {
    void take(TrainingRow row, int position, int at);
  }

  void forEach(TokenTaker taker) {
    int at = 0;
    for (TrainingRow row : rows)
      for (int position : row.row().mask().stream().toArray()) taker.take(row, position, at++);
  }

  /// Under `kv: keep` the tokens after an update within a turn were sampled over older keys.
  private static boolean pure(Row row, int position) {
    if (!row.flags().contains(Row.MIXED_KV)) return true;
    int turn = row.turns().get(position);
    int first = position;
    while (first > 0 && row.turns().get(first - 1) == turn) first--;
    return row.versions().get(first).equals(row.versions().get(position));
  }

  /// Versions that sampled a trained token.
  List<Integer> versions() {
    return rows.stream()
        .flatMap(row -> row.row().versions().values().stream())
        .filter(version -> version != Row.NOT_SAMPLED)
        .distinct()
        .toList();
  }
}
