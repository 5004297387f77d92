package dev.turnstone.trainerbridge.algorithm;

import java.util.Locale;

/// An estimate of KL(policy ‖ reference) per token, added to the loss. With q = `ℓ_ref − ℓ`
/// (joschu.net/blog/kl-approx.html): k1 = −q, k2 = q²/2, k3 = `e^q − q − 1`.
///
/// @param coefficient 0 turns it off, and no reference is needed
public record KlPenalty(double coefficient, Estimator estimator, Gradient gradient) {
  public static final KlPenalty OFF = new KlPenalty(0, Estimator.K3, Gradient.OWN);

  public KlPenalty {
    if (!(coefficient >= 0)) throw new IllegalArgumentException("kl < 0: " + coefficient);
  }

  /// Which estimate.
  public enum Estimator {
    K1,
    K2,
    K3
  }

  /// What flows back.
  public enum Gradient {
    /// The estimate's own derivative.
    OWN,
    /// k2's, which is the one whose expectation is the KL's gradient (`k1+`, `k3+` in verl).
    K2,
    /// The derivative of the estimate times the ratio ρ (unbiased KL, arXiv 2512.02556).
    WEIGHTED
  }

  /// Reads `k1`, `k2`, `k3`, with `+` for k2's gradient or `*` for the weighted one.
  public static KlPenalty parse(double coefficient, String text) {
    Gradient gradient =
        text.endsWith("+") ? Gradient.K2 : text.endsWith("*") ? Gradient.WEIGHTED : Gradient.OWN;
    String name = gradient == Gradient.OWN ? text : text.substring(0, text.length() - 1);
    for (Estimator estimator : Estimator.values())
      if (estimator.name().toLowerCase(Locale.ROOT).equals(name))
        return new KlPenalty(coefficient, estimator, gradient);
    throw new IllegalArgumentException(
        "kl estimator \"%s\" is none of k1, k2, k3, with + or * after it".formatted(text));
  }

  /// The estimate of every token and its derivative, without the coefficient.
  TokenTerms of(double[] current, double[] old, double[] reference) {
    var terms = new TokenTerms(current.length);
    for (int t = 0; t < current.length; t++) {
      double q = Math.clamp(reference[t] - current[t], -20, 20);
      double value =
          switch (estimator) {
            case K1 -> -q;
            case K2 -> q * q / 2;
            case K3 -> Math.exp(q) - q - 1;
          };
      double slope =
          switch (estimator) {
            case K1 -> 1;
            case K2 -> -q;
            case K3 -> 1 - Math.exp(q);
          };
      double ratio = PolicyLoss.ratio(current[t], old[t]);
      switch (gradient) {
        case OWN -> terms.set(t, value, slope);
        case K2 -> terms.set(t, value, -q);
        case WEIGHTED -> terms.set(t, ratio * value, ratio * (value + slope));
      }
    }
    return terms;
  }
}
