package dev.turnstone.engine.lanes;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/// The MLP's middle: activation(gate) · up, where the activation is SiLU or GELU in its tanh form.
/// Both are x times a sigmoid.
final class Gate {
  private static final float GELU_SLOPE = 1.5957692f; // 2 · √(2/π)
  private static final float GELU_CUBE = 0.044715f;

  private static final float LOG2_E = 1.442695f;

  // Less the bits of a number, those of about minus its inverse.
  private static final int INVERSE = 0xfef311c7;

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

  /// Rows of a tile at once, as exact as bf16.
  ///
  /// @param tile f32 rows, each of gates and, `up` bytes after them, what they gate
  /// @param stride bytes from one row to the next
  /// @param columns a multiple of the vector's width
  /// @param toStride bytes from one row of results to the next
  void applyTile(
      long tile,
      long stride,
      long up,
      int rows,
      int columns,
      Elements into,
      long to,
      long toStride) {
    for (int row = 0; row < rows; row++)
      if (gelu) gelu(tile + row * stride, up, columns, into, to + row * toStride);
      else silu(tile + row * stride, up, columns, into, to + row * toStride);
  }

  private static void silu(long gate, long up, int columns, Elements into, long to) {
    FloatVector slope = Simd.all(LOG2_E);
    FloatVector bias = Simd.all(Power.BIAS);
    for (int i = 0; i < columns; i += Simd.WIDTH) {
      FloatVector x = Simd.floats(gate + 4L * i).neg();
      FloatVector all = Power.of(x.fma(slope, bias)).add(1);
      FloatVector active = x.mul(Simd.floats(gate + up + 4L * i)).mul(negativeInverse(all));
      into.store(active, to + (long) into.bytes() * i);
    }
  }

  private static void gelu(long gate, long up, int columns, Elements into, long to) {
    FloatVector slope = Simd.all(LOG2_E * GELU_SLOPE);
    FloatVector cube = Simd.all(LOG2_E * GELU_SLOPE * GELU_CUBE);
    FloatVector bias = Simd.all(Power.BIAS);
    for (int i = 0; i < columns; i += Simd.WIDTH) {
      FloatVector x = Simd.floats(gate + 4L * i).neg();
      FloatVector all = Power.of(x.mul(x).fma(cube, slope).fma(x, bias)).add(1);
      FloatVector active = x.mul(Simd.floats(gate + up + 4L * i)).mul(negativeInverse(all));
      into.store(active, to + (long) into.bytes() * i);
    }
  }

  /// -1 / x to within 1e-5 of its value, for x from 1 to 2^126: a guess by bits, then twice
  /// Newton's method. A division takes as long as all else here.
  private static FloatVector negativeInverse(FloatVector x) {
    FloatVector two = Simd.all(2);
    FloatVector guess =
        IntVector.broadcast(Simd.INTS, INVERSE).sub(x.reinterpretAsInts()).reinterpretAsFloats();
    FloatVector closer = guess.mul(x.fma(guess, two));
    return closer.mul(x.fma(closer, two));
  }
}
