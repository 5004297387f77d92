package dev.turnstone.engine.lanes;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// bfloat16: the upper half of an f32, rounded to nearest even.
final class Bfloat16Elements implements Elements {
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(Simd.FLOATS.vectorBitSize() / 2));
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  @Override
  public int bytes() {
    return Short.BYTES;
  }

  @Override
  public FloatVector load(long address) {
    ShortVector halves = ShortVector.fromMemorySegment(SHORTS, Simd.MEMORY, address, ORDER);
    var whole = (IntVector) halves.convertShape(VectorOperators.ZERO_EXTEND_S2I, Simd.INTS, 0);
    return whole.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  @Override
  public void store(FloatVector values, long address) {
    IntVector bits = values.reinterpretAsInts();
    IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
    IntVector upper = bits.add(0x7fff).add(odd).lanewise(VectorOperators.LSHR, 16);
    ((ShortVector) upper.convertShape(VectorOperators.I2S, SHORTS, 0))
        .intoMemorySegment(Simd.MEMORY, address, ORDER);
  }

  @Override
  public float get(long address) {
    return Float.intBitsToFloat(Simd.MEMORY.get(ValueLayout.JAVA_SHORT_UNALIGNED, address) << 16);
  }

  @Override
  public void put(long address, float value) {
    Simd.MEMORY.set(ValueLayout.JAVA_SHORT_UNALIGNED, address, rounded(value));
  }

  static short rounded(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }
}
