package dev.turnstone.trainerbridge.algorithm;

/// Values of a row's tokens and their derivatives, each by its own token's log-probability.
@SuppressWarnings("ArrayRecordComponent") // summed once and dropped; never compared
public record TokenTerms(double[] values, double[] slopes) {
  TokenTerms(int size) {
    this(new double[size], new double[size]);
  }

  void set(int token, double value, double slope) {
    values[token] = value;
    slopes[token] = slope;
  }
}
