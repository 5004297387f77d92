package dev.turnstone.engine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Logits of a step, f32 `[rows, vocabulary]` in one stretch of memory, valid until the step ends.
public record LogitRows(MemorySegment values, int vocabulary) {
  public MemorySegment row(int index) {
    long bytes = (long) vocabulary * Float.BYTES;
    return values.asSlice(index * bytes, bytes);
  }

  static float at(MemorySegment row, int id) {
    return row.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (long) id * Float.BYTES);
  }
}
