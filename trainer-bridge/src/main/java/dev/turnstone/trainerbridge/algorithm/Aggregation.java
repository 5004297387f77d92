package dev.turnstone.trainerbridge.algorithm;

import java.util.List;
import java.util.Locale;

/// How the losses of a step's tokens become one number. Every mode counts over the whole step,
/// however it is split into micro-batches, and before any token is rejected.
public enum Aggregation {
  /// Sum over all tokens by their number (DAPO).
  TOKEN_MEAN,
  /// Mean over rows of their token sums.
  SEQUENCE_SUM,
  /// Mean over rows of their token means (GRPO's paper, GSPO).
  SEQUENCE_MEAN,
  /// Sum over all tokens by rows × a fixed length (Dr. GRPO).
  CONSTANT,
  /// Mean over rollouts of their token means: a rollout of three rows weighs as much as one of one.
  ROLLOUT_MEAN;

  /// As flags name it: `token_mean`.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The factor of every token of each row; 0 for a row without tokens.
  ///
  /// @param constantLength divisor of [#CONSTANT], tokens
  public double[] factors(List<TokenRow> rows, int constantLength) {
    double tokens = rows.stream().mapToInt(TokenRow::size).sum();
    double filled = rows.stream().filter(row -> row.size() > 0).count();
    double rollouts =
        rows.stream().filter(row -> row.size() > 0).mapToInt(TokenRow::rollout).distinct().count();
    return rows.stream()
        .mapToDouble(row ->
            row.size() == 0
                ? 0
                : switch (this) {
                  case TOKEN_MEAN -> 1 / tokens;
                  case SEQUENCE_SUM -> 1 / filled;
                  case SEQUENCE_MEAN -> 1 / (filled * row.size());
                  case CONSTANT -> 1 / (filled * constantLength);
                  case ROLLOUT_MEAN -> 1 / (rollouts * tokensOf(row.rollout(), rows));
                })
        .toArray();
  }

  private static double tokensOf(int rollout, List<TokenRow> rows) {
    return rows.stream().filter(row -> row.rollout() == rollout).mapToInt(TokenRow::size).sum();
  }
}
