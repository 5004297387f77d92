package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;

/// CISPO: the clipped ratio is a constant weight, so no token loses its gradient (arXiv
/// 2506.13585).
@AutoService(Algorithm.class)
public final class Cispo implements Algorithm {
  @Override
  public String name() {
    return "cispo";
  }

  @Override
  public String summary() {
    return "-sg[clip(r)] A l, r = exp(l - l_old); arXiv 2506.13585";
  }

  @Override
  public Objective objective() {
    return Objective.of(GroupNormalised.GRPO, new ClippedWeight())
        .withClip(new PolicyLoss.Clip(1, 4));
  }

  /// `−sg[clip(ρ)] A ℓ`. The bounds are 1 − low and 1 + high as everywhere here; the paper turns
  /// the lower one off and trains with a cap of 5.
  record ClippedWeight() implements PolicyLoss {
    @Override
    public TokenTerms of(double[] current, double[] old, double[] advantages, Clip clip) {
      var terms = new TokenTerms(current.length);
      for (int t = 0; t < current.length; t++) {
        double slope = -clip.bound(PolicyLoss.ratio(current[t], old[t])) * advantages[t];
        terms.set(t, slope * current[t], slope);
      }
      return terms;
    }
  }
}
