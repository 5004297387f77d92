package dev.turnstone.trainerbridge.algorithm;

import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/// The weight of each token for what the policy that sampled it differs from the one the step began
/// with, a constant outside the clip. With w = `e^(ℓ_old − ℓ_behaviour)`; a weight of 0 rejects a
/// token, which still counts in denominators.
public sealed interface Correction {
  /// Weights of one row's tokens.
  double[] weights(double[] old, double[] behaviour);

  /// No correction.
  record None() implements Correction {
    @Override
    public double[] weights(double[] old, double[] behaviour) {
      double[] weights = new double[old.length];
      Arrays.fill(weights, 1);
      return weights;
    }
  }

  /// `min(w, cap)`: truncated importance sampling (fengyao.notion.site/off-policy-rl).
  record Truncated(double cap) implements Correction {
    @Override
    public double[] weights(double[] old, double[] behaviour) {
      return map(old, behaviour, w -> Math.min(w, cap));
    }
  }

  /// w if within `[low, high]`, else 0: masked importance sampling, IcePop
  /// (ringtech.notion.site/icepop).
  record Masked(double low, double high) implements Correction {
    @Override
    public double[] weights(double[] old, double[] behaviour) {
      return map(old, behaviour, w -> w >= low && w <= high ? w : 0);
    }
  }

  /// The sequence's weight `W = e^(Σ(ℓ_old − ℓ_behaviour))` if at most `cap`, else 0: TRL's
  /// `sequence_mask`.
  record SequenceMask(double cap) implements Correction {
    @Override
    public double[] weights(double[] old, double[] behaviour) {
      double product = Math.exp(Math.clamp(sum(old) - sum(behaviour), -20, 20));
      return map(old, behaviour, _ -> product <= cap ? product : 0);
    }
  }

  /// w if the sequence's geometric mean of them lies within `[low, high]`, else 0.
  record GeometricMask(double low, double high) implements Correction {
    @Override
    public double[] weights(double[] old, double[] behaviour) {
      double mean = Math.exp((sum(old) - sum(behaviour)) / old.length);
      return map(old, behaviour, w -> mean >= low && mean <= high ? w : 0);
    }
  }

  /// Reads `none`, `truncated:C`, `masked:LOW:HIGH`, `sequence_mask:C` or
  /// `geometric_mask:LOW:HIGH`.
  static Correction parse(String text) {
    String[] parts = text.split(":", -1);
    try {
      return switch (parts[0] + "/" + (parts.length - 1)) {
        case "none/0" -> new None();
        case "truncated/1" -> new Truncated(Double.parseDouble(parts[1]));
        case "masked/2" -> new Masked(Double.parseDouble(parts[1]), Double.parseDouble(parts[2]));
        case "sequence_mask/1" -> new SequenceMask(Double.parseDouble(parts[1]));
        case "geometric_mask/2" ->
            new GeometricMask(Double.parseDouble(parts[1]), Double.parseDouble(parts[2]));
        default -> throw unknown(text);
      };
    } catch (NumberFormatException _) {
      throw unknown(text);
    }
  }

  private static IllegalArgumentException unknown(String text) {
    return new IllegalArgumentException(
        ("correction \"%s\" is none of none, truncated:C, masked:LOW:HIGH, sequence_mask:C,"
                + " geometric_mask:LOW:HIGH")
            .formatted(text));
  }

  private static double sum(double[] values) {
    return Arrays.stream(values).sum();
  }

  private static double[] map(double[] old, double[] behaviour, DoubleUnaryOperator rule) {
    double[] weights = new double[old.length];
    for (int t = 0; t < old.length; t++)
      weights[t] = rule.applyAsDouble(PolicyLoss.ratio(old[t], behaviour[t]));
    return weights;
  }
}
