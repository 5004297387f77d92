package dev.turnstone.trainerbridge.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.RolloutLimits;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.StopReason.Use;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.trainerbridge.algorithm.AdvantageEstimator;
import dev.turnstone.trainerbridge.algorithm.Algorithm;
import dev.turnstone.trainerbridge.json.Fields;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/// One training job as its client asked for it: the body of `POST /v1/runs`. It never changes.
///
/// @param environment name of a registered environment; of no meaning if an agent drives
/// @param driver who drives the turns
/// @param groupSize rollouts of one task
/// @param maxStaleness η: versions that a group's oldest token may lag behind when it is sent
/// @param groupsPerVersion B: groups that one training step takes
/// @param kv what an update without a KV mode of its own does
/// @param pause what an update without a pause mode of its own does
/// @param stops what a stop reason means for training, where the run differs from the default
/// @param allowTruncatedSampling whether the sampler may change the distribution
/// @param greedyBaseline whether the first rollout of every group is sampled greedily, to be
///   compared with and never trained (ReMax, arXiv 2310.10505)
/// @param overlong what long rollouts cost
/// @param advantages algorithm whose advantages are sent with every group; empty leaves them to the
///   trainer
public record RunSpec(
    String run,
    String environment,
    Driver driver,
    int groupSize,
    Sampling sampling,
    RolloutLimits limits,
    int maxStaleness,
    int groupsPerVersion,
    Incomplete incomplete,
    ZeroVariance zeroVariance,
    WeightsUpdate.Kv kv,
    WeightsUpdate.Pause pause,
    Map<StopReason, Use> stops,
    boolean allowTruncatedSampling,
    boolean greedyBaseline,
    Optional<Overlong> overlong,
    Optional<String> advantages) {
  static final int MAX_GROUP_SIZE = 1024;
  static final int MAX_ROLLOUTS = 1 << 16;
  private static final String NAME = "[A-Za-z0-9][A-Za-z0-9._:-]{0,127}";

  /// Who calls the policy for a rollout's turns.
  public enum Driver {
    /// The agent loop of this server, in an environment session.
    ENVIRONMENT,
    /// An outside agent, through a session of the API; its reward comes from outside too.
    AGENT
  }

  /// What happens to a group whose scored rewards are all equal.
  public enum ZeroVariance {
    KEEP,
    DROP
  }

  public RunSpec {
    requireName("run", run);
    requireName("environment", environment);
    if (groupSize < 2 || groupSize > MAX_GROUP_SIZE)
      throw new IllegalArgumentException(
          "group_size is not in [2, %d]: %d".formatted(MAX_GROUP_SIZE, groupSize));
    if (maxStaleness < 0) throw new IllegalArgumentException("max_staleness < 0: " + maxStaleness);
    if (groupsPerVersion < 1)
      throw new IllegalArgumentException("groups_per_version < 1: " + groupsPerVersion);
    long rollouts = (maxStaleness + 1L) * groupsPerVersion * groupSize;
    if (rollouts > MAX_ROLLOUTS)
      throw new IllegalArgumentException(
          "(max_staleness + 1) * groups_per_version * group_size is above %d rollouts: %d"
              .formatted(MAX_ROLLOUTS, rollouts));
    if (incomplete.minK() > groupSize)
      throw new IllegalArgumentException(
          "incomplete.min_k is above group_size %d: %d".formatted(groupSize, incomplete.minK()));
    if (sampling.changesDistribution() && !allowTruncatedSampling)
      throw new IllegalArgumentException(
          "sampling changes the distribution beyond its temperature and allow_truncated_sampling"
              + " is false: "
              + SamplingJson.write(sampling));
    if (greedyBaseline && driver == Driver.AGENT)
      throw new IllegalArgumentException(
          "greedy_baseline is true, but an agent drives and chooses its sampling");
    advantages.ifPresent(RunSpec::requireNoCritic);
    if (advantages.equals(Optional.of("remax")) && !greedyBaseline)
      throw new IllegalArgumentException(
          "advantages is remax, which needs \"greedy_baseline\": true");
    Map<StopReason, Use> ordered = new EnumMap<>(StopReason.class);
    ordered.putAll(stops);
    stops = Collections.unmodifiableMap(ordered);
  }

  private static void requireNoCritic(String algorithm) {
    if (Algorithm.named(algorithm).objective().advantage().critic().isPresent())
      throw new IllegalArgumentException(
          "advantages is %s, whose value head only its trainer has: leave advantages out, the trainer computes its own"
              .formatted(algorithm));
  }

  /// Whether advantages are sent that are computed over all groups of a step.
  public boolean stepwise() {
    return estimator().filter(each -> each.scope() == AdvantageEstimator.Scope.STEP).isPresent();
  }

  /// What the server gives groups their advantages by; empty if it leaves them to the trainer.
  public Optional<AdvantageEstimator> estimator() {
    return advantages.map(algorithm -> Algorithm.named(algorithm).objective().advantage());
  }

  /// Reads the body of `POST /v1/runs`.
  ///
  /// @param contextLength of the policy: the bound of `limits.context_length` and its default
  /// @throws IllegalArgumentException with a sentence that names the offending value
  public static RunSpec parse(JsonNode body, int contextLength) {
    return RunSpecJson.parse(Fields.of("", body), contextLength);
  }

  /// The body that [#parse] reads back, with every default written out.
  public ObjectNode toJson() {
    return RunSpecJson.write(this);
  }

  /// How a rollout of a group is sampled.
  ///
  /// @param index of the rollout within its group
  public Sampling sampling(int index) {
    return greedyBaseline && index == 0 ? Sampling.GREEDY : sampling;
  }

  /// What a stop reason means for training in this run.
  public Use use(StopReason stop) {
    return stops.getOrDefault(stop, stop.use());
  }

  /// Groups that may be admitted and not yet released.
  public int admissionBound() {
    return (maxStaleness + 1) * groupsPerVersion;
  }

  public static void requireName(String what, String name) {
    if (!name.matches(NAME))
      throw new IllegalArgumentException(
          what + " is not 1 to 128 letters, digits or ._:- in a row: " + name);
  }
}
