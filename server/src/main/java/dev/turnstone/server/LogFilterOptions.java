package dev.turnstone.server;

import dev.turnstone.rollout.StopReason;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.trainerbridge.log.LogArchive;
import dev.turnstone.trainerbridge.log.LogFilter;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import picocli.CommandLine.Option;

/// Which of a log's groups and trajectories a command is about.
final class LogFilterOptions {
  private static final Set<String> STATES =
      Set.of("pending", "running", "complete", "dropped", "finished", "quarantined", "abandoned");
  private static final Set<String> OUTCOMES = Set.of("train", "mask", "failed");

  @Option(names = "--run", paramLabel = "RUN", description = "Only of this run.")
  private Optional<String> run = Optional.empty();

  @Option(names = "--group", paramLabel = "GROUP", description = "Only of this group.")
  private Optional<String> group = Optional.empty();

  @Option(
      names = "--state",
      paramLabel = "STATE",
      description =
          "Groups: pending, running, complete, dropped. Trajectories: running, finished,"
              + " quarantined, abandoned.")
  private Optional<String> state = Optional.empty();

  @Option(names = "--stop", paramLabel = "REASON", description = "Such as answer or max_tokens.")
  private Optional<String> stop = Optional.empty();

  @Option(
      names = "--outcome",
      paramLabel = "train|mask|failed",
      description = "What its group made of a trajectory.")
  private Optional<String> outcome = Optional.empty();

  @Option(names = "--min-reward", paramLabel = "R", description = "Rewarded at least so.")
  private Optional<Double> minReward = Optional.empty();

  @Option(names = "--max-reward", paramLabel = "R", description = "Rewarded at most so.")
  private Optional<Double> maxReward = Optional.empty();

  @Option(
      names = "--policy-version",
      paramLabel = "V",
      description = "Sampled by this policy version.")
  private Optional<Integer> version = Optional.empty();

  @Option(names = "--limit", paramLabel = "N", description = "At most so many.")
  private Optional<Integer> limit = Optional.empty();

  /// Checked against the log.
  ///
  /// @param most if no limit was said
  LogFilter filter(LogArchive log, int most) {
    if (run.isPresent() && !log.hasRun(run.get()))
      throw new StartupError("the log has no run " + run.get());
    known("--state", state, STATES);
    known("--outcome", outcome, OUTCOMES);
    known(
        "--stop",
        stop,
        Set.copyOf(Arrays.stream(StopReason.values()).map(StopReason::wire).toList()));
    if (limit.isPresent() && limit.get() < 1)
      throw new StartupError("--limit must be at least 1, but is " + limit.get());
    return new LogFilter(
        run,
        group,
        state,
        stop,
        outcome,
        real(minReward),
        real(maxReward),
        version.map(OptionalInt::of).orElse(OptionalInt.empty()),
        limit.orElse(most));
  }

  private static OptionalDouble real(Optional<Double> value) {
    return value.map(OptionalDouble::of).orElse(OptionalDouble.empty());
  }

  private static void known(String option, Optional<String> value, Set<String> values) {
    if (value.isPresent() && !values.contains(value.get()))
      throw new StartupError(
          "%s must be one of %s, but is %s"
              .formatted(
                  option, String.join(", ", values.stream().sorted().toList()), value.get()));
  }
}
