package dev.turnstone.engine.lanes;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// Zeroed memory in large pages, where Linux has them: a core that walks through much memory loses
/// less time to finding it. What is never written takes no memory. Elsewhere it is the arena's own.
final class LargePages implements SegmentAllocator {
  private static final long PAGE = 2 << 20;

  /// Taken from the system at once, for allocations that are smaller.
  private static final long CHUNK = 16 * PAGE;

  private static final int READ_AND_WRITE = 3;
  private static final int PRIVATE_AND_ANONYMOUS = 0x22;
  private static final int HUGE_PAGES = 14;
  private static final boolean LINUX = System.getProperty("os.name").equals("Linux");

  private final Arena arena;
  private MemorySegment chunk = MemorySegment.NULL;
  private long used;

  /// @param arena whose life is that of the memory
  LargePages(Arena arena) {
    this.arena = arena;
  }

  /// @throws IllegalStateException if the machine does not have them
  @Override
  public MemorySegment allocate(long bytes, long alignment) {
    if (!LINUX) return plain(bytes, alignment);
    long from = Math.ceilDiv(used, alignment) * alignment;
    if (from + bytes > chunk.byteSize()) {
      chunk = map(Math.ceilDiv(Math.max(bytes, CHUNK), PAGE) * PAGE);
      from = 0;
    }
    used = from + bytes;
    return chunk.asSlice(from, bytes);
  }

  private MemorySegment plain(long bytes, long alignment) {
    try {
      return arena.allocate(bytes, alignment);
    } catch (OutOfMemoryError e) {
      throw refused(bytes);
    }
  }

  /// Not an error of this JVM, whose own memory is another: whoever asked for it fails, not all.
  private static IllegalStateException refused(long bytes) {
    return new IllegalStateException("the machine has no memory for %d MiB".formatted(bytes >> 20));
  }

  private MemorySegment map(long bytes) {
    try {
      // A page more than asked for, so that the first can begin where pages do.
      long all = bytes + PAGE;
      long start =
          (long) Libc.MAP.invokeExact(0L, all, READ_AND_WRITE, PRIVATE_AND_ANONYMOUS, -1, 0L);
      if (start == -1) throw refused(bytes);
      MemorySegment whole =
          MemorySegment.ofAddress(start).reinterpret(all, arena, mapped -> unmap(mapped, all));
      long first = Math.ceilDiv(start, PAGE) * PAGE;
      // Only advice: a system without such pages has its usual ones.
      int _ = (int) Libc.ADVISE.invokeExact(first, bytes, HUGE_PAGES);
      return whole.asSlice(first - start, bytes);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static void unmap(MemorySegment mapped, long bytes) {
    try {
      int _ = (int) Libc.UNMAP.invokeExact(mapped.address(), bytes);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /// The C library's functions.
  private static final class Libc {
    private static final Linker LINKER = Linker.nativeLinker();
    static final MethodHandle MAP =
        handle(
            "mmap",
            FunctionDescriptor.of(
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG));
    static final MethodHandle ADVISE =
        handle(
            "madvise",
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_INT));
    static final MethodHandle UNMAP =
        handle(
            "munmap",
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));

    private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
      return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor);
    }
  }
}
