package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;

/// GSPO: one ratio per sequence, the geometric mean of its tokens' (arXiv 2507.18071), clipped
/// within 3e-4 and 4e-4; mean over sequences of their token means.
@AutoService(Algorithm.class)
public final class Gspo implements Algorithm {
  @Override
  public String name() {
    return "gspo";
  }

  @Override
  public String summary() {
    return "-min(A s, A clip(s)), s = exp(mean(l - l_old)) of the sequence; arXiv 2507.18071";
  }

  @Override
  public Objective objective() {
    return Objective.of(GroupNormalised.GRPO, new SequenceRatio())
        .withClip(new PolicyLoss.Clip(3e-4, 4e-4))
        .withAggregation(Aggregation.SEQUENCE_MEAN);
  }

  /// The surrogate over the sequence's ratio. Every token carries the sequence's value and an equal
  /// share of its derivative: `s_t = s · e^(ℓ_t − sg ℓ_t)`, as in the paper's GSPO-token.
  record SequenceRatio() implements PolicyLoss {
    /// Bound on the logarithm of the ratio, as verl has it.
    private static final double MOST = 10;

    @Override
    public TokenTerms of(double[] current, double[] old, double[] advantages, Clip clip) {
      double sum = 0;
      for (int t = 0; t < current.length; t++) sum += current[t] - old[t];
      double ratio = Math.exp(Math.min(MOST, sum / current.length));
      var terms = new TokenTerms(current.length);
      for (int t = 0; t < current.length; t++)
        ClippedSurrogate.term(terms, t, advantages[t], ratio, clip);
      return terms;
    }
  }
}
