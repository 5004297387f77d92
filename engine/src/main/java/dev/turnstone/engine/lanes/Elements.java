package dev.turnstone.engine.lanes;

import dev.turnstone.engine.Precision;
import jdk.incubator.vector.FloatVector;

/// How activations and cached keys and values lie in memory; they are f32 in registers.
sealed interface Elements permits FloatElements, Bfloat16Elements {
  static Elements of(Precision precision) {
    return precision == Precision.BF16 ? new Bfloat16Elements() : new FloatElements();
  }

  int bytes();

  FloatVector load(long address);

  void store(FloatVector values, long address);

  float get(long address);

  void put(long address, float value);

  /// Stores a whole array.
  default void store(float[] values, long address) {
    int i = 0;
    for (; i <= values.length - Simd.WIDTH; i += Simd.WIDTH)
      store(FloatVector.fromArray(Simd.FLOATS, values, i), address + (long) bytes() * i);
    for (; i < values.length; i++) put(address + (long) bytes() * i, values[i]);
  }
}
