package dev.turnstone.engine.lanes;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Memory that is replaced by more of it when it is too little; what was in it is lost then.
final class GrowingMemory implements AutoCloseable {
  private Arena arena = Arena.ofShared();
  private MemorySegment memory = MemorySegment.NULL;

  /// At least so many bytes, by half more than before if they were too few.
  ///
  /// @throws IllegalStateException if the machine does not have them; nothing is left then
  MemorySegment reserve(long bytes) {
    if (memory.byteSize() >= bytes) return memory;
    long more = Math.max(bytes, memory.byteSize() + memory.byteSize() / 2);
    arena.close();
    memory = MemorySegment.NULL;
    arena = Arena.ofShared();
    memory = new LargePages(arena).allocate(more, 64);
    return memory;
  }

  @Override
  public void close() {
    arena.close();
  }
}
