package dev.turnstone.engine.lanes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.lang.foreign.Arena;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A block's keys on their way to chunks.
class Bfloat16AttentionTest {
  private static final int DIMENSIONS = 24;

  @ParameterizedTest
  @CsvSource({"0, 0, true", "-1e9, 23, true", "NaN, 0, false", "NaN, 23, false"})
  void whoCopiesKeysIsToldWhetherTheyAreNumbers(float value, int dimension, boolean numbers) {
    assumeThat(Simd.WIDTH).isEqualTo(TileKernel.WIDTH);
    var attention = new Bfloat16Attention(DIMENSIONS);
    try (var arena = Arena.ofConfined()) {
      long keys = arena.allocate(attention.keyBytes(), 64).address();
      long tile = arena.allocate(4L * TileChunks.BLOCK * DIMENSIONS, 64).address();
      float[] key = new float[DIMENSIONS];
      key[dimension] = value;
      attention.writeKey(keys, 13, key);

      assertThat(attention.copyKeys(keys, tile)).isEqualTo(numbers);
    }
  }
}
