package dev.turnstone.trainerbridge.algorithm;

import java.util.Optional;

/// What a training step minimises: `Σ factor · (weight · loss + kl · coefficient)` over trained
/// tokens.
///
/// @param constantLength tokens that [Aggregation#CONSTANT] divides by
public record Objective(
    AdvantageEstimator advantage,
    PolicyLoss loss,
    PolicyLoss.Clip clip,
    Aggregation aggregation,
    int constantLength,
    Proximal proximal,
    Correction correction,
    KlPenalty kl) {
  public Objective {
    if (constantLength < 1)
      throw new IllegalArgumentException("constant-length < 1: " + constantLength);
    if (proximal == Proximal.BEHAVIOUR && !(correction instanceof Correction.None))
      throw new IllegalArgumentException(
          "proximal policy \"behaviour\" corrects for the rollout's policy by its ratio, so"
              + " correction must be none");
  }

  /// The usual settings: clip 0.2 and 0.28, mean over tokens, weights truncated at 2, no KL.
  static Objective of(AdvantageEstimator advantage, PolicyLoss loss) {
    return new Objective(
        advantage,
        loss,
        new PolicyLoss.Clip(0.2, 0.28),
        Aggregation.TOKEN_MEAN,
        1024,
        Proximal.RECOMPUTED,
        new Correction.Truncated(2),
        KlPenalty.OFF);
  }

  public Objective withClip(PolicyLoss.Clip other) {
    return new Objective(
        advantage, loss, other, aggregation, constantLength, proximal, correction, kl);
  }

  public Objective withAggregation(Aggregation other) {
    return new Objective(advantage, loss, clip, other, constantLength, proximal, correction, kl);
  }

  public Objective withConstantLength(int other) {
    return new Objective(advantage, loss, clip, aggregation, other, proximal, correction, kl);
  }

  public Objective withProximal(Proximal other) {
    return new Objective(advantage, loss, clip, aggregation, constantLength, other, correction, kl);
  }

  public Objective withCorrection(Correction other) {
    return new Objective(advantage, loss, clip, aggregation, constantLength, proximal, other, kl);
  }

  public Objective withKl(KlPenalty other) {
    return new Objective(
        advantage, loss, clip, aggregation, constantLength, proximal, correction, other);
  }

  /// Whether log-probabilities under a reference policy are needed.
  public boolean readsReference() {
    return kl.coefficient() > 0 || advantage.readsReference();
  }

  /// Loss and derivative of one row's tokens before aggregation.
  ///
  /// @param current under the policy being trained
  /// @param proximal what the ratio is taken against
  /// @param behaviour as the engine recorded them
  /// @param reference needed if the KL penalty is on
  public TokenTerms terms(
      double[] current,
      double[] proximal,
      double[] behaviour,
      Optional<double[]> reference,
      double[] advantages) {
    TokenTerms terms = loss.of(current, proximal, advantages, clip);
    double[] weights = correction.weights(proximal, behaviour);
    for (int t = 0; t < current.length; t++)
      terms.set(t, weights[t] * terms.values()[t], weights[t] * terms.slopes()[t]);
    if (kl.coefficient() == 0) return terms;
    TokenTerms penalty = kl.of(current, proximal, reference.orElseThrow());
    for (int t = 0; t < current.length; t++)
      terms.set(
          t,
          terms.values()[t] + kl.coefficient() * penalty.values()[t],
          terms.slopes()[t] + kl.coefficient() * penalty.slopes()[t]);
    return terms;
  }
}
