package dev.turnstone.trainerbridge.algorithm;

/// PPO's clipped surrogate (arXiv 1707.06347): `max(−A ρ, −A clip(ρ, 1 − ε_low, 1 + ε_high))` with
/// ρ = `e^(ℓ − ℓ_old)`, and at most `−A c` for a negative advantage under dual clip (arXiv
/// 1912.09729).
public record ClippedSurrogate() implements PolicyLoss {
  @Override
  public TokenTerms of(double[] current, double[] old, double[] advantages, Clip clip) {
    var terms = new TokenTerms(current.length);
    for (int t = 0; t < current.length; t++) {
      double ratio = PolicyLoss.ratio(current[t], old[t]);
      term(terms, t, advantages[t], ratio, clip);
    }
    return terms;
  }

  /// A token's term where the derivative of the ratio by the log-probability is the ratio itself.
  static void term(TokenTerms terms, int token, double advantage, double ratio, Clip clip) {
    double free = -advantage * ratio;
    double bound = -advantage * clip.bound(ratio);
    double most = advantage < 0 ? -advantage * clip.dual() : Double.POSITIVE_INFINITY;
    double value = Math.min(Math.max(free, bound), most);
    boolean moves = free >= bound && free <= most;
    terms.set(token, value, moves ? free : 0);
  }
}
