package dev.turnstone.trainerbridge.wire;

import dev.turnstone.rollout.Invariants;
import dev.turnstone.rollout.Row;
import java.util.Optional;

/// What both ends of the feed require of a row: the invariants of rollouts, ids that the policy
/// knows, and a size that travels.
public final class RowCheck {
  /// One MiB below the largest message, which also holds the group's task and the row's names.
  public static final long MAX_BYTES = FeedProtocol.MAX_MESSAGE_BYTES - (1L << 20);

  private RowCheck() {}

  /// The first violation, or empty.
  public static Optional<String> violation(Row row, int vocabSize) {
    return Invariants.violation(row).or(() -> misfit(row, vocabSize));
  }

  /// What a sound row has that this feed or policy has no place for, or empty.
  public static Optional<String> misfit(Row row, int vocabSize) {
    if (bytes(row) > MAX_BYTES) return Optional.of("larger than 63 MiB: " + bytes(row));
    for (int i = 0; i < row.length(); i++)
      if (row.ids().get(i) >= vocabSize)
        return Optional.of(
            "id %d at %d is outside the vocabulary of %d"
                .formatted(row.ids().get(i), i, vocabSize));
    return Optional.empty();
  }

  /// As on the wire, without the names of its fields.
  static long bytes(Row row) {
    int runs =
        row.versions().starts().size()
            + row.turns().starts().size()
            + row.temperatures().starts().size();
    return 9L * row.length() + 8L * runs;
  }
}
