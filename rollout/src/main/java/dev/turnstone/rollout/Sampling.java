package dev.turnstone.rollout;

import java.util.OptionalLong;

/// How the next token is drawn.
///
/// @param temperature 0 is greedy
/// @param topK 0 keeps the whole vocabulary
/// @param topP 1 keeps the whole vocabulary
/// @param minP 0 keeps the whole vocabulary
/// @param seed makes the draws a function of (seed, position) alone, whatever the batch
public record Sampling(double temperature, int topK, double topP, double minP, OptionalLong seed) {
  /// Temperature 1 over the whole vocabulary: what training wants.
  public static final Sampling FULL = new Sampling(1, 0, 1, 0, OptionalLong.empty());

  public static final Sampling GREEDY = new Sampling(0, 0, 1, 0, OptionalLong.empty());

  public Sampling {
    if (!(temperature >= 0 && temperature <= 100))
      throw new IllegalArgumentException("temperature is not in [0, 100]: " + temperature);
    if (topK < 0) throw new IllegalArgumentException("top_k < 0: " + topK);
    if (!(topP > 0 && topP <= 1))
      throw new IllegalArgumentException("top_p is not in (0, 1]: " + topP);
    if (!(minP >= 0 && minP <= 1))
      throw new IllegalArgumentException("min_p is not in [0, 1]: " + minP);
  }

  /// Whether anything but the temperature changes the distribution.
  public boolean truncates() {
    return topK > 0 || topP < 1 || minP > 0;
  }

  public boolean greedy() {
    return temperature == 0;
  }

  public Sampling withSeed(long value) {
    return new Sampling(temperature, topK, topP, minP, OptionalLong.of(value));
  }
}
