package dev.turnstone.engine.lanes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TileKernelTest {
  private static final int STRIDE = 64;

  private final SplittableRandom random = new SplittableRandom(1);

  @ParameterizedTest
  @CsvSource({
    "1, 32, 64, false",
    "1, 32, 64, true",
    "2, 17, 96, true",
    "4, 32, 16, false",
    "16, 5, 48, false",
    "48, 64, 576, true",
    "250, 31, 80, true"
  })
  void whatItMultipliesIsWhatPlainLoopsDo(int rows, int columns, int inner, boolean adds) {
    Optional<TileKernel> found = TileKernel.find();
    assumeThat(found).as("tile registers").isPresent();
    try (var arena = Arena.ofConfined()) {
      MemorySegment a = values(arena, rows * inner);
      MemorySegment b = values(arena, inner * STRIDE);
      MemorySegment c = arena.allocate(4L * rows * STRIDE, 64);
      for (int i = 0; i < rows * STRIDE; i++)
        c.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
      float[] before = c.toArray(ValueLayout.JAVA_FLOAT);
      found
          .get()
          .multiply(
              rows,
              columns,
              inner,
              a.address(),
              inner,
              b.address(),
              STRIDE,
              c.address(),
              STRIDE,
              adds);
      found.get().release();
      for (int row = 0; row < rows; row++)
        for (int column = 0; column < STRIDE; column++) {
          int at = row * STRIDE + column;
          double expected = column < columns && !adds ? 0 : before[at];
          for (int i = 0; i < inner && column < columns; i++)
            expected += value(a, row * inner + i) * value(b, (i / 2 * STRIDE + column) * 2 + i % 2);
          assertThat(c.getAtIndex(ValueLayout.JAVA_FLOAT, at))
              .as("row %d, column %d", row, column)
              .isCloseTo((float) expected, within(1e-4f));
        }
    }
  }

  private MemorySegment values(Arena arena, int count) {
    MemorySegment values = arena.allocate(2L * count, 64);
    for (int i = 0; i < count; i++)
      values.setAtIndex(
          ValueLayout.JAVA_SHORT, i, Bfloat16Elements.rounded((float) random.nextDouble(-1, 1)));
    return values;
  }

  private static double value(MemorySegment values, int index) {
    return Float.intBitsToFloat(values.getAtIndex(ValueLayout.JAVA_SHORT, index) << 16);
  }
}
