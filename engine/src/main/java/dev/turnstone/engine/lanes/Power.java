package dev.turnstone.engine.lanes;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// 2 to the power of each lane, to within 1e-4 of its value: what bf16 needs, for half the
/// instructions of [Exponential].
///
/// A multiply-add that ends with [#BIAS] leaves 8 bits of biased exponent and 14 of a fraction at
/// the end of the mantissa; shifted, they are the exponent of the result and what its mantissa is
/// made of.
final class Power {
  /// 2^9 + 127: added to an exponent it makes what powers are taken of.
  static final float BIAS = 639;

  /// The bits of the least and the largest that a power may be taken of.
  static final int LEAST = Float.floatToRawIntBits(BIAS - 126);

  static final int MOST = Float.floatToRawIntBits(BIAS + 126);
  static final int SHIFT = 9;
  static final int FRACTION = 0x7fffff;
  static final int ONE = Float.floatToRawIntBits(1);
  // Coefficients of 2^(x - 1) between 1 and 2, to within 7.6e-5 of its value.
  static final float C3 = 0.07802067f;
  static final float C2 = -0.007991129f;
  static final float C1 = 0.47775334f;
  static final float C0 = 0.4521423f;

  private Power() {}

  /// @param biased exponents plus [#BIAS]; beyond what is a number's they count as the last that is
  static FloatVector of(FloatVector biased) {
    IntVector x = biased.reinterpretAsInts().max(LEAST).min(MOST);
    IntVector power = x.lanewise(VectorOperators.LSHL, SHIFT);
    IntVector part = power.and(FRACTION).or(ONE);
    FloatVector rest = part.reinterpretAsFloats();
    FloatVector value =
        rest.fma(Simd.all(C3), Simd.all(C2)).fma(rest, Simd.all(C1)).fma(rest, Simd.all(C0));
    return value.reinterpretAsInts().add(power.sub(part)).reinterpretAsFloats();
  }
}
