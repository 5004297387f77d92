package dev.turnstone.bench.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Bytes per second that all cores copy together, from memory that no cache of theirs holds.
final class CopyBandwidth implements AutoCloseable {
  private static final long BYTES = 128L << 20;

  private final Cores cores;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment from;
  private final MemorySegment to;

  CopyBandwidth(Cores cores) {
    this.cores = cores;
    from = arena.allocate(BYTES * cores.count(), 1 << 21).fill((byte) 1);
    to = arena.allocate(BYTES * cores.count(), 1 << 21).fill((byte) 1);
  }

  /// Copied bytes per second: each is read once and written once.
  double sample() throws Exception {
    long nanos =
        cores.time(core ->
            () -> {
              MemorySegment.copy(from, BYTES * core, to, BYTES * core, BYTES);
              return core;
            });
    return BYTES * cores.count() / (nanos / 1e9);
  }

  @Override
  public void close() {
    arena.close();
  }
}
