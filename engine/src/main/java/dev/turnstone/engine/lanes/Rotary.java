package dev.turnstone.engine.lanes;

import dev.turnstone.engine.Rope;
import jdk.incubator.vector.FloatVector;

/// Turns heads of queries and keys by their positions.
final class Rotary {
  private final int half;
  private final float[] cosines;
  private final float[] sines;

  Rotary(Rope rope, int positions, int headDim) {
    this.half = headDim / 2;
    this.cosines = rope.cosines(positions, headDim);
    this.sines = rope.sines(positions, headDim);
  }

  /// Whether heads are whole vectors, as [#store] wants them.
  boolean stores() {
    return half % Simd.WIDTH == 0;
  }

  /// Stores the f32 head at an address rotated elsewhere.
  void store(long head, int position, Elements elements, long to) {
    int at = position * half;
    long size = elements.bytes();
    for (int i = 0; i < half; i += Simd.WIDTH) {
      FloatVector a = Simd.floats(head + 4L * i);
      FloatVector b = Simd.floats(head + 4L * (half + i));
      FloatVector cos = FloatVector.fromArray(Simd.FLOATS, cosines, at + i);
      FloatVector sin = FloatVector.fromArray(Simd.FLOATS, sines, at + i);
      elements.store(a.mul(cos).sub(b.mul(sin)), to + size * i);
      elements.store(b.mul(cos).add(a.mul(sin)), to + size * (half + i));
    }
  }

  /// Rotates the head at `from` in place.
  void apply(float[] head, int from, int position) {
    int at = position * half;
    int i = 0;
    for (; i <= half - Simd.WIDTH; i += Simd.WIDTH) {
      FloatVector a = FloatVector.fromArray(Simd.FLOATS, head, from + i);
      FloatVector b = FloatVector.fromArray(Simd.FLOATS, head, from + half + i);
      FloatVector cos = FloatVector.fromArray(Simd.FLOATS, cosines, at + i);
      FloatVector sin = FloatVector.fromArray(Simd.FLOATS, sines, at + i);
      a.mul(cos).sub(b.mul(sin)).intoArray(head, from + i);
      b.mul(cos).add(a.mul(sin)).intoArray(head, from + half + i);
    }
    for (; i < half; i++) {
      float a = head[from + i];
      float b = head[from + half + i];
      head[from + i] = a * cosines[at + i] - b * sines[at + i];
      head[from + half + i] = b * cosines[at + i] + a * sines[at + i];
    }
  }
}
