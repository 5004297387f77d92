package dev.turnstone.rollout;

import java.util.Arrays;

/// Immutable log-probabilities (natural logarithm, f32), one per token, with value equality.
public final class Logprobs {
  public static final Logprobs NONE = new Logprobs(new float[0]);

  private final float[] values;

  private Logprobs(float[] values) {
    this.values = values;
  }

  public static Logprobs of(float... values) {
    return values.length == 0 ? NONE : new Logprobs(values.clone());
  }

  /// Values of which those a hair above probability 1, as rounding in f32 leaves them, become 0.
  public static Logprobs roundedToZero(float... values) {
    float[] rounded = values.clone();
    for (int i = 0; i < rounded.length; i++)
      if (rounded[i] > 0 && rounded[i] <= Invariants.ABOVE_ZERO) rounded[i] = 0;
    return of(rounded);
  }

  /// Copies all values into `target` from `at` on.
  public void copyTo(float[] target, int at) {
    System.arraycopy(values, 0, target, at, values.length);
  }

  public int size() {
    return values.length;
  }

  public float get(int index) {
    return values[index];
  }

  public Logprobs slice(int start, int end) {
    return of(Arrays.copyOfRange(values, start, end));
  }

  public float[] toArray() {
    return values.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Logprobs logprobs && Arrays.equals(values, logprobs.values);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(values);
  }

  @Override
  public String toString() {
    return Arrays.toString(values);
  }
}
