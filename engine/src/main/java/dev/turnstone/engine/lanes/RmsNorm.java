package dev.turnstone.engine.lanes;

import jdk.incubator.vector.FloatVector;

/// x · gain / rms(x) over rows of f32; the gain is the weight, or 1 + weight.
final class RmsNorm {
  private final float[] gain;
  private final float epsilon;

  RmsNorm(float[] weight, boolean plusOne, double epsilon) {
    this.gain = weight.clone();
    if (plusOne) for (int i = 0; i < gain.length; i++) gain[i] += 1;
    this.epsilon = (float) epsilon;
  }

  /// Writes the normed row at `to`.
  void apply(long row, Elements elements, long to, float[] scratch) {
    float factor = factor(row, scratch);
    int size = elements.bytes();
    int i = 0;
    for (; i <= gain.length - Simd.WIDTH; i += Simd.WIDTH) {
      FloatVector scaled = Simd.floats(row + 4L * i).mul(factor);
      elements.store(scaled.mul(FloatVector.fromArray(Simd.FLOATS, gain, i)), to + (long) size * i);
    }
    for (; i < gain.length; i++)
      elements.put(to + (long) size * i, Simd.get(row + 4L * i) * factor * gain[i]);
  }

  /// Adds the normed row to the row at `sum`.
  void add(long row, long sum, float[] scratch) {
    float factor = factor(row, scratch);
    int i = 0;
    for (; i <= gain.length - Simd.WIDTH; i += Simd.WIDTH) {
      FloatVector normed =
          Simd.floats(row + 4L * i).mul(factor).mul(FloatVector.fromArray(Simd.FLOATS, gain, i));
      Simd.store(Simd.floats(sum + 4L * i).add(normed), sum + 4L * i);
    }
    for (; i < gain.length; i++)
      Simd.put(sum + 4L * i, Simd.get(sum + 4L * i) + Simd.get(row + 4L * i) * factor * gain[i]);
  }

  /// Norms an array's stretch in place: one head of queries or keys.
  void apply(float[] values, int from) {
    double squares = 0;
    for (int i = 0; i < gain.length; i++) squares += values[from + i] * values[from + i];
    float factor = (float) (1 / Math.sqrt(squares / gain.length + epsilon));
    for (int i = 0; i < gain.length; i++) values[from + i] *= factor * gain[i];
  }

  private float factor(long row, float[] scratch) {
    FloatVector squares = Simd.zero();
    int i = 0;
    for (; i <= gain.length - Simd.WIDTH; i += Simd.WIDTH) {
      FloatVector x = Simd.floats(row + 4L * i);
      squares = x.fma(x, squares);
    }
    float sum = Simd.sum(squares, scratch);
    for (; i < gain.length; i++) sum += Simd.get(row + 4L * i) * Simd.get(row + 4L * i);
    return (float) (1 / Math.sqrt(sum / gain.length + epsilon));
  }
}
