package dev.turnstone.engine.lanes;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// e to the power of each lane, to within 2e-7 of its value; what is beyond -87 or 88 counts as
/// that, and so does what is not a number.
///
/// A polynomial of our own: the Vector API's may round otherwise in the interpreter than in
/// compiled code, and the same numbers must always give the same bits.
final class Exponential {
  private static final int LEAST = Float.floatToRawIntBits(-87);
  private static final int MOST = Float.floatToRawIntBits(88);
  private static final float LOG2_E = 1.442695f;
  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits of the mantissa.
  private static final float MAGIC = 12582912f;
  private static final int MAGIC_BITS = Float.floatToRawIntBits(MAGIC);
  private static final float LN2_HIGH = 0.69314575f;
  private static final float LN2_LOW = 1.4286068e-6f;

  private Exponential() {}

  static FloatVector of(FloatVector x) {
    // By their bits, of which the larger are those of the lesser below zero: the lesser of two
    // numbers would take six instructions.
    IntVector bits = x.reinterpretAsInts().min(MOST).lanewise(VectorOperators.UMIN, LEAST);
    FloatVector bounded = bits.reinterpretAsFloats();
    FloatVector shifted = bounded.fma(Simd.all(LOG2_E), Simd.all(MAGIC));
    FloatVector whole = shifted.sub(MAGIC);
    FloatVector rest = whole.fma(Simd.all(-LN2_LOW), whole.fma(Simd.all(-LN2_HIGH), bounded));
    FloatVector value = Simd.all(1f / 720);
    value = value.fma(rest, Simd.all(1f / 120));
    value = value.fma(rest, Simd.all(1f / 24));
    value = value.fma(rest, Simd.all(1f / 6));
    value = value.fma(rest, Simd.all(0.5f));
    value = value.fma(rest, Simd.all(1f));
    value = value.fma(rest, Simd.all(1f));
    IntVector exponent =
        shifted.reinterpretAsInts().sub(MAGIC_BITS).lanewise(VectorOperators.LSHL, 23);
    return value.reinterpretAsInts().add(exponent).reinterpretAsFloats();
  }
}
