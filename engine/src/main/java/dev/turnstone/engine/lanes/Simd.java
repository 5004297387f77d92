package dev.turnstone.engine.lanes;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/// Vectors of the machine's width, loaded from and stored to absolute addresses.
final class Simd {
  static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;

  /// Values of one vector.
  static final int WIDTH = FLOATS.length();

  /// All memory: an address is an offset into it.
  static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  static final ByteOrder ORDER = ByteOrder.nativeOrder();

  private Simd() {}

  static FloatVector floats(long address) {
    return FloatVector.fromMemorySegment(FLOATS, MEMORY, address, ORDER);
  }

  static void store(FloatVector values, long address) {
    values.intoMemorySegment(MEMORY, address, ORDER);
  }

  static IntVector ints(long address) {
    return IntVector.fromMemorySegment(INTS, MEMORY, address, ORDER);
  }

  /// Brings what is at an address nearer, while its user is busy with something else. A core looks
  /// ahead of itself, but only as far as what waits for memory has room, which with vectors is soon
  /// full; this waits for nothing but itself.
  ///
  /// @return what is there: means nothing, but must go somewhere, or the compiler leaves the load
  ///   out
  static int touch(long address) {
    return MEMORY.get(ValueLayout.JAVA_INT_UNALIGNED, address);
  }

  static float get(long address) {
    return MEMORY.get(ValueLayout.JAVA_FLOAT_UNALIGNED, address);
  }

  static void put(long address, float value) {
    MEMORY.set(ValueLayout.JAVA_FLOAT_UNALIGNED, address, value);
  }

  static FloatVector zero() {
    return FloatVector.zero(FLOATS);
  }

  static FloatVector all(float value) {
    return FloatVector.broadcast(FLOATS, value);
  }

  /// The sum in one fixed order: the Vector API's own may differ between interpreter and compiler.
  static float sum(FloatVector values, float[] scratch) {
    values.intoArray(scratch, 0);
    return sum(scratch, 0);
  }

  /// The same of a vector that was stored.
  static float sum(float[] values, int from) {
    float even = 0;
    float odd = 0;
    for (int i = from; i < from + WIDTH; i += 2) {
      even += values[i];
      odd += values[i + 1];
    }
    return even + odd;
  }

  static float max(FloatVector values, float[] scratch) {
    values.intoArray(scratch, 0);
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < WIDTH; i++) max = Math.max(max, scratch[i]);
    return max;
  }
}
