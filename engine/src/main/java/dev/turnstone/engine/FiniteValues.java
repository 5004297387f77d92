package dev.turnstone.engine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Finds numbers that are not finite among raw little-endian values, a machine word at a time: one
/// of them turns every later token to noise.
public final class FiniteValues {
  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int PIECE = 1 << 24;

  private FiniteValues() {}

  /// Whether every value is finite; bytes that make no whole value are passed over.
  public static boolean all(MemorySegment values, Safetensors.Dtype dtype) {
    long exponents =
        switch (dtype) {
          case BF16 -> 0x7f80_7f80_7f80_7f80L;
          case F16 -> 0x7c00_7c00_7c00_7c00L;
          case F32 -> 0x7f80_0000_7f80_0000L;
        };
    long signs = dtype == Safetensors.Dtype.F32 ? 0x8000_0000_8000_0000L : 0x8000_8000_8000_8000L;
    long size = values.byteSize() / dtype.bytes() * dtype.bytes();
    for (long from = 0; from < size; from += PIECE)
      if (!piece(values.asSlice(from, Math.min(PIECE, size - from)), exponents, signs))
        return false;
    return true;
  }

  /// An exponent whose bits are all set is that of an infinity or of no number. What is missing in
  /// the others is above zero, so adding the mask carries into the sign's place and no further.
  private static boolean piece(MemorySegment values, long exponents, long signs) {
    int size = (int) values.byteSize();
    long carried = signs;
    int at = 0;
    for (; at <= size - Long.BYTES; at += Long.BYTES)
      carried &= (~values.get(WORD, at) & exponents) + exponents;
    long last = 0;
    for (int i = 0; at + i < size; i++)
      last |= (values.get(ValueLayout.JAVA_BYTE, at + i) & 0xffL) << (Byte.SIZE * i);
    carried &= (~last & exponents) + exponents;
    return (carried & signs) == signs;
  }
}
