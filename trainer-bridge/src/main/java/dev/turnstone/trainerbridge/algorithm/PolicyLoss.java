package dev.turnstone.trainerbridge.algorithm;

/// What a token costs, given its advantage and how far the policy has moved.
public interface PolicyLoss {
  /// Loss of every token of one row and its derivative by that token's log-probability.
  ///
  /// @param current log-probabilities under the policy being trained
  /// @param old the same when the step began; constants
  /// @param advantages constants
  TokenTerms of(double[] current, double[] old, double[] advantages, Clip clip);

  /// Bounds of the ratio between the policy being trained and the old one.
  ///
  /// @param low it may fall to 1 − this
  /// @param high it may rise to 1 + this; higher than `low` is DAPO's clip-higher (arXiv
  ///   2503.14476)
  /// @param dual a negative advantage costs at most this many times itself (dual clip, arXiv
  ///   1912.09729); infinite turns it off
  record Clip(double low, double high, double dual) {
    public Clip {
      if (!(low >= 0 && low <= 1))
        throw new IllegalArgumentException("clip-low is not in [0, 1]: " + low);
      if (!(high >= 0)) throw new IllegalArgumentException("clip-high < 0: " + high);
      if (!(dual > 1)) throw new IllegalArgumentException("dual-clip is not above 1: " + dual);
    }

    public Clip(double low, double high) {
      this(low, high, Double.POSITIVE_INFINITY);
    }

    /// The ratio, brought within the bounds.
    double bound(double ratio) {
      return Math.clamp(ratio, 1 - low, 1 + high);
    }
  }

  /// `e^(a − b)` with the difference held within ±20, so that it stays finite.
  static double ratio(double a, double b) {
    return Math.exp(Math.clamp(a - b, -20, 20));
  }
}
