package dev.turnstone.engine.lanes;

import jdk.incubator.vector.FloatVector;

/// The MLP's middle: activation(gate) · up, where the activation is SiLU or GELU in its tanh form.
/// Both are x times a sigmoid.
final class Gate {
  private static final float GELU_SLOPE = 1.5957692f; // 2 · √(2/π)
  private static final float GELU_CUBE = 0.044715f;

  private final boolean gelu;

  Gate(boolean gelu) {
    this.gelu = gelu;
  }

  /// `count` values, a multiple of the vector's width.
  void apply(Elements from, long gate, long up, Elements into, long to, int count) {
    for (int i = 0; i < count; i += Simd.WIDTH) {
      long at = (long) from.bytes() * i;
      FloatVector x = from.load(gate + at);
      FloatVector active = x.div(Exponential.of(steepness(x).neg()).add(1));
      into.store(active.mul(from.load(up + at)), to + (long) into.bytes() * i);
    }
  }

  /// What the sigmoid is of.
  private FloatVector steepness(FloatVector x) {
    if (!gelu) return x;
    return x.mul(x).fma(Simd.all(GELU_CUBE), Simd.all(1)).mul(x).mul(GELU_SLOPE);
  }
}
