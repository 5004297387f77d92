package dev.turnstone.server;

import dev.turnstone.trainerbridge.algorithm.Aggregation;
import dev.turnstone.trainerbridge.algorithm.Algorithm;
import dev.turnstone.trainerbridge.algorithm.Correction;
import dev.turnstone.trainerbridge.algorithm.KlPenalty;
import dev.turnstone.trainerbridge.algorithm.Objective;
import dev.turnstone.trainerbridge.algorithm.PolicyLoss;
import dev.turnstone.trainerbridge.algorithm.Proximal;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Option;

/// The options that choose what a trainer optimises: an algorithm by name, and what to change of
/// its defaults.
final class AlgorithmOptions {
  @Option(
      names = "--algorithm",
      paramLabel = "NAME",
      completionCandidates = Algorithm.Names.class,
      description = {
        "One of ${COMPLETION-CANDIDATES}; ${DEFAULT-VALUE}. docs/ALGORITHMS.md has their formulas.",
        "The options below change its settings."
      })
  private String algorithm = "grpo";

  @Option(names = "--clip-low", paramLabel = "E", description = "A ratio may fall to 1 - E.")
  private Optional<Double> clipLow = Optional.empty();

  @Option(names = "--clip-high", paramLabel = "E", description = "A ratio may rise to 1 + E.")
  private Optional<Double> clipHigh = Optional.empty();

  @Option(
      names = "--dual-clip",
      paramLabel = "C",
      description = "A negative advantage costs at most C times itself; off.")
  private Optional<Double> dualClip = Optional.empty();

  @Option(
      names = "--aggregation",
      paramLabel = "MODE",
      description = "token_mean, sequence_sum, sequence_mean, constant or rollout_mean.")
  private Optional<String> aggregation = Optional.empty();

  @Option(
      names = "--constant-length",
      paramLabel = "TOKENS",
      description = "What the aggregation constant divides by; 1024.")
  private Optional<Integer> constantLength = Optional.empty();

  @Option(
      names = "--correction",
      paramLabel = "RULE",
      description = {
        "For what the rollout's policy differs from the trainer's: none, truncated:C, masked:LOW:HIGH,",
        "sequence_mask:C or geometric_mask:LOW:HIGH; truncated:2."
      })
  private Optional<String> correction = Optional.empty();

  @Option(
      names = "--proximal",
      paramLabel = "POLICY",
      description = "The ratio is against: recomputed, behaviour or interpolated.")
  private Optional<String> proximal = Optional.empty();

  @Option(names = "--kl", paramLabel = "B", description = "Coefficient of the KL penalty; 0.")
  private double kl;

  @Option(
      names = "--kl-estimator",
      paramLabel = "K",
      description = "k1, k2 or k3, with + for k2's gradient or * for a weighted one; k3.")
  private String klEstimator = "k3";

  /// The algorithm with its changes.
  ///
  /// @throws IllegalArgumentException with a sentence that names the option's value
  Objective objective() {
    Objective objective = Algorithm.named(algorithm).objective();
    objective = objective.withClip(clip(objective.clip()));
    if (aggregation.isPresent())
      objective =
          objective.withAggregation(choice("aggregation", Aggregation.class, aggregation.get()));
    if (constantLength.isPresent()) objective = objective.withConstantLength(constantLength.get());
    if (correction.isPresent())
      objective = objective.withCorrection(Correction.parse(correction.get()));
    if (proximal.isPresent())
      objective = objective.withProximal(choice("proximal", Proximal.class, proximal.get()));
    return objective.withKl(KlPenalty.parse(kl, klEstimator));
  }

  private PolicyLoss.Clip clip(PolicyLoss.Clip usual) {
    return new PolicyLoss.Clip(
        clipLow.orElse(usual.low()), clipHigh.orElse(usual.high()), dualClip.orElse(usual.dual()));
  }

  private static <E extends Enum<E>> E choice(String name, Class<E> type, String value) {
    List<String> modes =
        Arrays.stream(type.getEnumConstants())
            .map(constant -> constant.name().toLowerCase(Locale.ROOT))
            .toList();
    if (!modes.contains(value))
      throw new IllegalArgumentException(
          "--%s is none of %s: %s".formatted(name, String.join(", ", modes), value));
    return Enum.valueOf(type, value.toUpperCase(Locale.ROOT));
  }
}
