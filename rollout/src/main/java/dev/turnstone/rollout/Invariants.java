package dev.turnstone.rollout;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Optional;

/// What must hold of a trajectory before it is logged. One that fails is quarantined with the
/// sentence returned here; it never reaches a trainer.
public final class Invariants {
  /// Log-probabilities up to this much above 0 are rounding and become 0.
  static final float ABOVE_ZERO = 1e-5f;

  private Invariants() {}

  /// The first violation, or empty.
  public static Optional<String> violation(Trajectory trajectory) {
    if (trajectory.rows().isEmpty())
      return trajectory.stop().use() == StopReason.Use.DROP
          ? Optional.empty()
          : Optional.of("stop is " + trajectory.stop().wire() + " but there is no row");
    Optional<String> broken =
        trajectory.rows().stream()
            .map(row -> violation(row).map(why -> "row " + row.branch() + ": " + why))
            .flatMap(Optional::stream)
            .findFirst();
    return broken.or(() -> stopViolation(trajectory));
  }

  /// These stops follow from what the policy just said, so its token is the last one.
  private static Optional<String> stopViolation(Trajectory trajectory) {
    Row row = trajectory.rows().getLast();
    boolean sampledLast = row.versions().get(row.length() - 1) != Row.NOT_SAMPLED;
    return switch (trajectory.stop()) {
      case ANSWER, DONE, PARSE_ERROR, TOOL_ERROR ->
          sampledLast
              ? Optional.empty()
              : Optional.of(
                  "stop is " + trajectory.stop().wire() + " but the last id was not sampled");
      case MAX_TURNS, MAX_TOKENS, CONTEXT_OVERFLOW, TIMEOUT -> Optional.empty();
      case ENVIRONMENT_LOST, ENGINE_ERROR, STALE, CANCELLED, CLIENT_GONE -> Optional.empty();
    };
  }

  /// The first violation within one row, or empty.
  public static Optional<String> violation(Row row) {
    int length = row.length();
    if (row.logprobs().size() != length)
      return Optional.of("%d logprobs for %d ids".formatted(row.logprobs().size(), length));
    if (row.versions().length() != length
        || row.turns().length() != length
        || row.temperatures().length() != length)
      return Optional.of(
          "%d versions, %d turns, %d temperatures for %d ids"
              .formatted(
                  row.versions().length(),
                  row.turns().length(),
                  row.temperatures().length(),
                  length));
    if (row.mask().length() > length)
      return Optional.of("mask reaches %d of %d ids".formatted(row.mask().length(), length));
    if (row.promptLength() < 1 || row.promptLength() > length)
      return Optional.of("prompt_length %d of %d ids".formatted(row.promptLength(), length));
    return tokens(row);
  }

  private static Optional<String> tokens(Row row) {
    int newest = Row.NOT_SAMPLED;
    int turn = Row.NOT_SAMPLED;
    int[] versions = expanded(row.versions());
    int[] turns = expanded(row.turns());
    BitSet mask = row.mask();
    for (int i = 0; i < row.length(); i++) {
      float logprob = row.logprobs().get(i);
      int version = versions[i];
      boolean sampled = version != Row.NOT_SAMPLED;
      if (row.ids().get(i) < 0) return Optional.of("id %d at %d".formatted(row.ids().get(i), i));
      if (sampled != (turns[i] != Row.NOT_SAMPLED))
        return Optional.of("version %d but turn %d at %d".formatted(version, turns[i], i));
      if (!sampled && (mask.get(i) || logprob != 0))
        return Optional.of("position %d was not sampled but has mask or logprob".formatted(i));
      if (sampled && i < row.promptLength())
        return Optional.of("position %d of the prompt was sampled".formatted(i));
      if (!Float.isFinite(logprob) || logprob > 0)
        return Optional.of("logprob %s at %d".formatted(logprob, i));
      if (!sampled) continue;
      if (version < newest)
        return Optional.of("version %d after version %d at %d".formatted(version, newest, i));
      if (turns[i] < turn)
        return Optional.of("turn %d after turn %d at %d".formatted(turns[i], turn, i));
      newest = version;
      turn = turns[i];
    }
    return Optional.empty();
  }

  /// One value per token: looking each of them up would cost more than all the rest.
  private static int[] expanded(RunLength<Integer> runs) {
    int[] values = new int[runs.length()];
    for (int i = 0; i < runs.starts().size(); i++)
      Arrays.fill(
          values,
          runs.starts().get(i),
          i + 1 < runs.starts().size() ? runs.starts().get(i + 1) : values.length,
          runs.values().get(i));
    return values;
  }
}
