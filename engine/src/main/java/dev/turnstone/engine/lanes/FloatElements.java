package dev.turnstone.engine.lanes;

import jdk.incubator.vector.FloatVector;

/// f32.
final class FloatElements implements Elements {
  @Override
  public int bytes() {
    return Float.BYTES;
  }

  @Override
  public FloatVector load(long address) {
    return Simd.floats(address);
  }

  @Override
  public void store(FloatVector values, long address) {
    Simd.store(values, address);
  }

  @Override
  public float get(long address) {
    return Simd.get(address);
  }

  @Override
  public void put(long address, float value) {
    Simd.put(address, value);
  }
}
