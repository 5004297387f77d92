package dev.turnstone.trainerbridge.log;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/// Which groups and rollouts of a log are meant.
///
/// @param state of the group (`pending`, `running`, `complete`, `dropped`) or, among rollouts, of
///   the rollout (`running`, `finished`, `quarantined`, `abandoned`)
/// @param outcome what a rollout's group made of it: `train`, `mask` or `failed`
/// @param version that sampled at least one token
/// @param limit at most so many
public record LogFilter(
    Optional<String> run,
    Optional<String> group,
    Optional<String> state,
    Optional<String> stop,
    Optional<String> outcome,
    OptionalDouble minReward,
    OptionalDouble maxReward,
    OptionalInt version,
    int limit) {
  public static final LogFilter ALL =
      new LogFilter(
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          OptionalDouble.empty(),
          OptionalDouble.empty(),
          OptionalInt.empty(),
          Integer.MAX_VALUE);

  /// All of one run.
  public static LogFilter ofRun(String run) {
    return new LogFilter(
        Optional.of(run),
        ALL.group,
        ALL.state,
        ALL.stop,
        ALL.outcome,
        ALL.minReward,
        ALL.maxReward,
        ALL.version,
        ALL.limit);
  }

  Where groups() {
    Where where = new Where();
    run.ifPresent(value -> where.and("g.run = ?", value));
    group.ifPresent(value -> where.and("g.name = ?", value));
    state.ifPresent(value -> where.and("g.state = ?", value));
    version.ifPresent(value -> where.and("? between g.version_min and g.version_max", value));
    return where;
  }

  Where rollouts() {
    Where where = new Where();
    run.ifPresent(value -> where.and("o.run = ?", value));
    group.ifPresent(value -> where.and("o.group_name = ?", value));
    state.ifPresent(value -> where.and("o.state = ?", value));
    stop.ifPresent(value -> where.and("o.stop = ?", value));
    outcome.ifPresent(value -> where.and("o.outcome = ?", value));
    minReward.ifPresent(value -> where.and("o.reward >= ?", value));
    maxReward.ifPresent(value -> where.and("o.reward <= ?", value));
    version.ifPresent(value -> where.and("? between o.version_min and o.version_max", value));
    return where;
  }
}
