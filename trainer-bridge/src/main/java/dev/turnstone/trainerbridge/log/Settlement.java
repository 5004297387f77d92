package dev.turnstone.trainerbridge.log;

import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.StopReason.Use;
import dev.turnstone.trainerbridge.spec.Incomplete;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What a group's finished rollouts come to: delivered, masked or failed each, and the group
/// complete or dropped.
///
/// @param outcomes one per rollout, in the order of their index
/// @param reason why the group is dropped; empty if it is complete
/// @param versionMin lowest version that sampled a delivered token; [Row#NOT_SAMPLED] if none did
/// @param length ids of the longest row of any rollout
public record Settlement(
    List<Outcome> outcomes, String reason, int versionMin, int versionMax, int length) {
  public static final String TRAIN = "train";
  public static final String MASK = "mask";
  static final String FAILED = "failed";
  static final String QUARANTINED = "quarantined";
  static final String UNSCORED = "unscored";
  static final String INCOMPLETE = "incomplete";
  static final String ZERO_VARIANCE = "zero_variance";
  public static final String STALE = "stale";
  public static final String REFUSED = "refused";
  static final String CANCELLED = "cancelled";
  public static final String TOO_LARGE = "too_large";

  public Settlement {
    outcomes = List.copyOf(outcomes);
  }

  /// One rollout of the group.
  ///
  /// @param kind [#TRAIN], [#MASK] or [#FAILED]
  /// @param failure why it failed, else empty
  public record Outcome(int index, int attempt, String kind, String failure, String detail) {
    public boolean delivered() {
      return !kind.equals(FAILED);
    }
  }

  public boolean dropped() {
    return !reason.isEmpty();
  }

  /// Settles a group under its run's policies. Rollouts without a summary did not finish in time.
  public static Settlement of(RunSpec spec, List<RolloutTable.Latest> rollouts) {
    List<Outcome> outcomes = rollouts.stream().map(rollout -> outcome(spec, rollout)).toList();
    List<RolloutSummary> finished =
        rollouts.stream().flatMap(rollout -> rollout.summary().stream()).toList();
    List<RolloutSummary> delivered = new ArrayList<>();
    for (int i = 0; i < outcomes.size(); i++)
      if (outcomes.get(i).delivered()) rollouts.get(i).summary().ifPresent(delivered::add);
    return of(outcomes, finished, delivered, reason(spec, delivered));
  }

  /// A group of a run that was cancelled.
  public static Settlement cancelled(List<RolloutTable.Latest> rollouts) {
    List<Outcome> outcomes =
        rollouts.stream()
            .map(rollout -> failed(rollout, CANCELLED, "the run was cancelled"))
            .toList();
    return of(
        outcomes,
        rollouts.stream().flatMap(rollout -> rollout.summary().stream()).toList(),
        List.of(),
        CANCELLED);
  }

  private static Settlement of(
      List<Outcome> outcomes,
      List<RolloutSummary> finished,
      List<RolloutSummary> delivered,
      String reason) {
    return new Settlement(
        outcomes,
        reason,
        delivered.stream()
            .mapToInt(RolloutSummary::versionMin)
            .filter(version -> version != Row.NOT_SAMPLED)
            .min()
            .orElse(Row.NOT_SAMPLED),
        delivered.stream().mapToInt(RolloutSummary::versionMax).max().orElse(Row.NOT_SAMPLED),
        finished.stream().mapToInt(RolloutSummary::length).max().orElse(0));
  }

  /// Whether a finished rollout counts as failed before its group is settled.
  public static boolean hasFailed(RunSpec spec, RolloutSummary rollout) {
    return failure(spec, rollout).isPresent();
  }

  private static Outcome outcome(RunSpec spec, RolloutTable.Latest rollout) {
    if (rollout.summary().isEmpty())
      return failed(rollout, StopReason.CANCELLED.wire(), "not finished by the group's deadline");
    RolloutSummary summary = rollout.summary().get();
    Optional<String> failure = failure(spec, summary);
    boolean masked = spec.incomplete().policy() == Incomplete.Policy.MASK && sendable(summary);
    if (failure.isPresent() && !masked)
      return failed(
          rollout, failure.get(), summary.quarantined() ? summary.violation() : summary.detail());
    boolean train = failure.isEmpty() && spec.use(summary.stop()) == Use.TRAIN;
    return new Outcome(
        rollout.index(), rollout.attempt(), train ? TRAIN : MASK, "", summary.detail());
  }

  private static boolean sendable(RolloutSummary rollout) {
    return !rollout.quarantined() && rollout.rows() > 0;
  }

  private static Optional<String> failure(RunSpec spec, RolloutSummary rollout) {
    if (rollout.quarantined()) return Optional.of(QUARANTINED);
    Use use = spec.use(rollout.stop());
    if (use == Use.DROP || rollout.rows() == 0) return Optional.of(rollout.stop().wire());
    // A trainable rollout that nobody scored has no advantage: it failed, it is not worth 0.
    if (use == Use.TRAIN && !rollout.scored()) return Optional.of(UNSCORED);
    return Optional.empty();
  }

  private static Outcome failed(RolloutTable.Latest rollout, String failure, String detail) {
    return new Outcome(rollout.index(), rollout.attempt(), FAILED, failure, detail);
  }

  private static String reason(RunSpec spec, List<RolloutSummary> delivered) {
    List<Double> scores =
        delivered.stream()
            .filter(RolloutSummary::scored)
            .map(rollout -> rollout.reward().getAsDouble())
            .toList();
    int needed =
        spec.incomplete().policy() == Incomplete.Policy.MASK ? 2 : spec.incomplete().minK();
    if (scores.size() < needed) return INCOMPLETE;
    boolean flat = scores.stream().distinct().count() == 1;
    return flat && spec.zeroVariance() == RunSpec.ZeroVariance.DROP ? ZERO_VARIANCE : "";
  }
}
