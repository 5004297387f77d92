package dev.turnstone.trainerbridge.algorithm;

import java.util.Arrays;
import java.util.List;

/// Mean and spread of numbers.
record Moments(double mean, double squares, long count) {
  static Moments of(double[] values) {
    double mean = Arrays.stream(values).average().orElse(0);
    double squares = Arrays.stream(values).map(x -> (x - mean) * (x - mean)).sum();
    return new Moments(mean, squares, values.length);
  }

  static Moments of(List<double[]> values) {
    return of(values.stream().flatMapToDouble(Arrays::stream).toArray());
  }

  /// Divided by count − 1, as `torch.std` does.
  double unbiased() {
    return count < 2 ? 0 : Math.sqrt(squares / (count - 1));
  }

  /// Divided by count, as `numpy.std` does.
  double biased() {
    return count == 0 ? 0 : Math.sqrt(squares / count);
  }

  /// To mean 0 and unbiased variance 1 over all values together: `(x − mean) / √(variance + 1e-8)`.
  static List<double[]> whiten(List<double[]> values) {
    Moments moments = of(values);
    double scale = 1 / Math.sqrt(moments.unbiased() * moments.unbiased() + 1e-8);
    return values.stream()
        .map(row -> Arrays.stream(row).map(x -> (x - moments.mean()) * scale).toArray())
        .toList();
  }
}
