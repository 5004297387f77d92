package dev.turnstone.upstream;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Of which distribution an engine's log-probabilities are, told from the same position at
/// temperature 1 and at another: those of the distribution that it samples from move with it.
enum ProbedMode {
  /// log_softmax(logits / temperature): what a trainer recomputes.
  SCALED,
  /// The same at temperature 1, whatever was asked for.
  RAW,
  /// No log-probabilities at all.
  LOGITS;

  /// Log-probabilities whose distance is less than this tell nothing.
  private static final double SPREAD = 0.05;

  /// Tells it from the log-probabilities of one position.
  ///
  /// @param one by id, at temperature 1
  /// @param other by id, at `temperature`
  /// @return empty if nothing can be told from them
  static Optional<ProbedMode> of(
      Map<Integer, Float> one, Map<Integer, Float> other, double temperature) {
    List<float[]> both = new ArrayList<>();
    one.forEach((id, logprob) -> {
      Float at = other.get(id);
      if (at != null) both.add(new float[] {logprob, at});
    });
    if (both.isEmpty()) return Optional.empty();
    if (one.values().stream().anyMatch(l -> l > 1e-3)
        || other.values().stream().anyMatch(l -> l > 1e-3)) return Optional.of(LOGITS);
    double raw = 0;
    double logits = 0;
    double scaled = 0;
    double spread = 0;
    for (float[] a : both) {
      raw += Math.abs(a[0] - a[1]);
      logits += Math.abs(a[0] / temperature - a[1]);
      for (float[] b : both) {
        double apart = a[0] - b[0];
        scaled += Math.abs(apart / temperature - (a[1] - b[1]));
        spread += Math.abs(apart);
      }
    }
    int n = both.size();
    raw /= n;
    logits /= n;
    if (n == 1) return single(both.getFirst(), raw);
    scaled /= n * (n - 1);
    if (spread / (n * (n - 1)) < SPREAD) return Optional.empty();
    if (raw < scaled) return Optional.of(raw <= logits ? RAW : LOGITS);
    return Optional.of(logits < SPREAD && logits * 2 < raw ? LOGITS : SCALED);
  }

  private static Optional<ProbedMode> single(float[] a, double raw) {
    if (a[0] > -SPREAD) return Optional.empty();
    return Optional.of(raw < SPREAD / 4 ? RAW : SCALED);
  }
}
