package dev.turnstone.trainerbridge.algorithm;

/// The score function's loss, `−A ℓ` (REINFORCE, Williams 1992): no ratio, no clip.
public record LogLikelihood() implements PolicyLoss {
  @Override
  public TokenTerms of(double[] current, double[] old, double[] advantages, Clip clip) {
    var terms = new TokenTerms(current.length);
    for (int t = 0; t < current.length; t++)
      terms.set(t, -advantages[t] * current[t], -advantages[t]);
    return terms;
  }
}
