package dev.turnstone.trainerbridge.algorithm;

/// How a value head is used and trained.
///
/// @param gamma discount per token
/// @param lambda of generalised advantage estimation
/// @param clip a value may move by this much from where it was when the step began
/// @param coefficient of the value loss beside the policy loss
public record Critic(double gamma, double lambda, double clip, double coefficient) {
  static final Critic DEFAULT = new Critic(1, 0.95, 0.2, 0.5);

  /// `½ max((v − R)², (v_old + clip(v − v_old) − R)²)` of every token and its derivative by v (PPO,
  /// arXiv 1707.06347, as in OpenAI's baselines).
  public TokenTerms loss(double[] values, double[] old, double[] returns) {
    var terms = new TokenTerms(values.length);
    for (int t = 0; t < values.length; t++) {
      double held = old[t] + Math.clamp(values[t] - old[t], -clip, clip);
      double free = values[t] - returns[t];
      double bound = held - returns[t];
      boolean moves = Math.abs(free) >= Math.abs(bound) || held == values[t];
      terms.set(t, 0.5 * Math.max(free * free, bound * bound), moves ? free : 0);
    }
    return terms;
  }
}
