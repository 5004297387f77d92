package dev.turnstone.engine.lanes;

import dev.turnstone.engine.Model;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.Optional;

/// Products of bf16 matrices on the CPU's tile registers (AMX), summed in f32.
///
/// These are libtorch's own building blocks (`at::native::cpublas::brgemm`, from which its
/// attention is made), called by address: nothing is allocated or wrapped, and results keep all
/// their bits. Each thread has the state of its tiles until it calls [#release].
final class TileKernel {
  /// Whoever has tiles has vectors of 512 bits, and what stands between two products counts on it.
  static final int WIDTH = 16;

  private static final byte BFLOAT16 = 15;
  private static final String SPACE = "_ZN2at6native7cpublas";
  private static final SymbolLookup LIBTORCH = libtorch();

  private static final MethodHandle MULTIPLY =
      handle(
          SPACE + "6brgemmEllllllbPKN3c108BFloat16ES5_Pfb",
          FunctionDescriptor.ofVoid(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_BOOLEAN,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_BOOLEAN));
  private static final MethodHandle RELEASE =
      handle(SPACE + "14brgemm_releaseEb", FunctionDescriptor.ofVoid(ValueLayout.JAVA_BOOLEAN));
  private static final MethodHandle CAN_PACK =
      handle(
          SPACE + "10could_packEN3c1010ScalarTypeE",
          FunctionDescriptor.of(ValueLayout.JAVA_BOOLEAN, ValueLayout.JAVA_BYTE));

  private TileKernel() {}

  /// The kernel, where this libtorch and this CPU have it.
  static Optional<TileKernel> find() {
    if (Simd.WIDTH != WIDTH) return Optional.empty();
    for (String name :
        new String[] {
          "6brgemmEllllllbPKN3c108BFloat16ES5_Pfb",
          "14brgemm_releaseEb",
          "10could_packEN3c1010ScalarTypeE"
        }) if (LIBTORCH.find(SPACE + name).isEmpty()) return Optional.empty();
    try {
      return (boolean) CAN_PACK.invokeExact(BFLOAT16)
          ? Optional.of(new TileKernel())
          : Optional.empty();
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static SymbolLookup libtorch() {
    Model.newManager().close(); // loads it
    return SymbolLookup.loaderLookup();
  }

  private static MethodHandle handle(String symbol, FunctionDescriptor descriptor) {
    Optional<MemorySegment> address = LIBTORCH.find(symbol);
    return address.isPresent()
        ? Linker.nativeLinker().downcallHandle(address.get(), descriptor)
        : MethodHandles.empty(descriptor.toMethodType());
  }

  /// `c = a · b`, or `c += a · b`.
  ///
  /// @param rows of `a` and `c`
  /// @param columns of `b` and `c`
  /// @param inner columns of `a` and rows of `b`, even
  /// @param a bf16 rows, `aStride` values apart
  /// @param b bf16 pairs of rows, `[inner / 2][bStride][2]`
  /// @param c f32 rows, `cStride` values apart
  void multiply(
      int rows,
      int columns,
      int inner,
      long a,
      long aStride,
      long b,
      long bStride,
      long c,
      long cStride,
      boolean adds) {
    try {
      MULTIPLY.invokeExact(
          (long) rows,
          (long) columns,
          (long) inner,
          aStride,
          bStride,
          cStride,
          adds,
          a,
          b,
          c,
          true);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /// Gives the calling thread's tiles back: before anything else uses them, and at the end.
  void release() {
    try {
      RELEASE.invokeExact(true);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
