package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.engine.Safetensors.Dtype;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class FiniteValuesTest {
  /// One value among zeros, at every place of two words and a rest.
  @ParameterizedTest
  @CsvSource({
    "BF16, 7f80, false",
    "BF16, ff80, false",
    "BF16, 7fc0, false",
    "BF16, ffff, false",
    "BF16, 7f7f, true",
    "BF16, ff7f, true",
    "BF16, 807f, true",
    "F16, 7c00, false",
    "F16, fe00, false",
    "F16, 7bff, true",
    "F16, fbff, true",
    "F32, 7f800000, false",
    "F32, ff800000, false",
    "F32, 7fc00000, false",
    "F32, 7f800001, false",
    "F32, 7f7fffff, true",
    "F32, ff7fffff, true",
    "F32, 807fffff, true"
  })
  void anInfinityOrNoNumberIsFoundAtEveryPlace(Dtype dtype, String bits, boolean finite) {
    int count = 2 * Long.BYTES / dtype.bytes() + 1;
    for (int at = 0; at < count; at++) {
      ByteBuffer values = ByteBuffer.allocate(count * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
      int value = Integer.parseUnsignedInt(bits, 16);
      if (dtype == Dtype.F32) values.putInt(4 * at, value);
      else values.putShort(2 * at, (short) value);
      assertThat(FiniteValues.all(MemorySegment.ofBuffer(values), dtype))
          .as("place %d", at)
          .isEqualTo(finite);
    }
  }
}
