package dev.turnstone.engine;

import java.util.function.DoubleUnaryOperator;

/// Rotary position embedding: pair i of a head turns by position × frequency i.
///
/// Computed in f32 in the order in which transformers computes it, so that angles at large
/// positions agree. Sources: RoFormer (arXiv 2104.09864), YaRN (arXiv 2309.00071), Llama 3.1's own.
///
/// @param theta base of the frequencies
public record Rope(double theta, Scaling scaling) {
  /// How frequencies are stretched beyond the context of pretraining.
  public sealed interface Scaling {
    record None() implements Scaling {}

    record Linear(double factor) implements Scaling {}

    /// Slow pairs are stretched, fast ones are not, those between are blended.
    ///
    /// @param original context of pretraining
    record Llama3(double factor, double lowFrequency, double highFrequency, double original)
        implements Scaling {}

    /// As Llama3 with a ramp between two numbers of turns, and cosines and sines multiplied.
    ///
    /// @param truncate whether the ramp's ends are whole pairs
    record Yarn(
        double factor,
        double original,
        double betaFast,
        double betaSlow,
        double attentionFactor,
        boolean truncate)
        implements Scaling {}
  }

  public static Rope of(double theta) {
    return new Rope(theta, new Scaling.None());
  }

  /// What cosines and sines are multiplied by.
  public float amplitude() {
    return scaling instanceof Scaling.Yarn yarn ? (float) yarn.attentionFactor() : 1;
  }

  /// Frequencies of the pairs of one head, `headDim / 2` of them.
  public float[] frequencies(int headDim) {
    float[] frequencies = new float[headDim / 2];
    for (int i = 0; i < frequencies.length; i++) {
      float power = (float) Math.pow((float) theta, 2f * i / headDim);
      frequencies[i] =
          switch (scaling) {
            case Scaling.None() -> 1 / power;
            case Scaling.Linear(double factor) -> 1 / power / (float) factor;
            case Scaling.Llama3 llama -> stretched(1 / power, llama);
            case Scaling.Yarn yarn -> blended(power, i, headDim, yarn);
          };
    }
    return frequencies;
  }

  private static float stretched(float frequency, Scaling.Llama3 by) {
    float length = (float) (2 * Math.PI) / frequency;
    float factor = (float) by.factor();
    if (length > by.original() / by.lowFrequency()) return frequency / factor;
    if (length < by.original() / by.highFrequency()) return frequency;
    float smooth =
        ((float) by.original() / length - (float) by.lowFrequency())
            / (float) (by.highFrequency() - by.lowFrequency());
    return (1 - smooth) * frequency / factor + smooth * frequency;
  }

  private float blended(float power, int pair, int headDim, Scaling.Yarn by) {
    double low = pairThatTurns(by.betaFast(), headDim, by);
    double high = pairThatTurns(by.betaSlow(), headDim, by);
    if (by.truncate()) {
      low = Math.floor(low);
      high = Math.ceil(high);
    }
    low = Math.max(low, 0);
    high = Math.min(high, headDim - 1);
    if (low == high) high += 0.001;
    float ramp = Math.clamp((pair - (float) low) / (float) (high - low), 0f, 1f);
    float kept = 1 - ramp;
    return 1 / ((float) by.factor() * power) * (1 - kept) + 1 / power * kept;
  }

  /// The pair, perhaps between two, that makes so many turns within the original context.
  private double pairThatTurns(double turns, int headDim, Scaling.Yarn by) {
    return headDim * Math.log(by.original() / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  }

  /// Cosines of all angles, `[positions, headDim / 2]`, times the amplitude.
  public float[] cosines(int positions, int headDim) {
    return table(positions, headDim, Math::cos);
  }

  /// Sines of all angles, `[positions, headDim / 2]`, times the amplitude.
  public float[] sines(int positions, int headDim) {
    return table(positions, headDim, Math::sin);
  }

  private float[] table(int positions, int headDim, DoubleUnaryOperator function) {
    float[] frequencies = frequencies(headDim);
    int half = frequencies.length;
    float[] table = new float[Math.multiplyExact(positions, half)];
    for (int position = 0; position < positions; position++)
      for (int i = 0; i < half; i++) {
        float angle = position * frequencies[i];
        table[position * half + i] = (float) function.applyAsDouble(angle) * amplitude();
      }
    return table;
  }
}
