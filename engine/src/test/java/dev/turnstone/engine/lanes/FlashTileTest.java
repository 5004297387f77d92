package dev.turnstone.engine.lanes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The softmax over blocks against one of all scores at once; the products are plain loops here.
class FlashTileTest {
  private static final int BLOCKS = 3;
  private static final int BLOCK = TileChunks.BLOCK;
  private static final int DIMENSIONS = 16;
  private static final float SCALE = 0.25f;

  private final SplittableRandom random = new SplittableRandom(1);

  @BeforeEach
  void vectorsAreAsWideAsTiles() {
    assumeThat(Simd.WIDTH).isEqualTo(TileKernel.WIDTH);
  }

  /// Scores of powers of 2 around a mean that rises or falls from block to block, beyond all that a
  /// number's exponent holds; keys `[first, end)` are seen.
  @ParameterizedTest
  @CsvSource({
    "0, 0, 0, 768",
    "0, 0, 0, 1",
    "0, 0, 300, 301",
    "0, 0, 511, 513",
    "0, 0, 256, 700",
    "50, 0, 0, 768",
    "-100, 0, 17, 600",
    "900, 0, 0, 300",
    "-900, 0, 0, 768",
    "-900, 0, 270, 768",
    "0, 100, 0, 768",
    "0, -100, 0, 768",
    "-70, 65, 40, 767",
    "-2000, 1500, 0, 768",
    "2000, -1500, 0, 555"
  })
  void whatItWeighsIsASoftmax(int mean, int rise, int first, int end) {
    float[] scores = new float[BLOCKS * BLOCK];
    for (int i = 0; i < scores.length; i++)
      scores[i] = (float) (mean + rise * (i / BLOCK) + 3 * random.nextGaussian()) / SCALE;
    float[] values = new float[scores.length * DIMENSIONS];
    for (int i = 0; i < values.length; i++) values[i] = (float) random.nextDouble(1, 2);

    float[] actual = attended(scores, values, first, end);

    for (int d = 0; d < DIMENSIONS; d++)
      assertThat(actual[d]).isCloseTo(expected(scores, values, first, end, d), within(0.005f));
  }

  @ParameterizedTest
  @ValueSource(ints = {0x7fc00000, 0xffc00000})
  void aScoreThatIsNoNumberGivesNone(int bits) {
    float[] scores = new float[BLOCKS * BLOCK];
    scores[300] = Float.intBitsToFloat(bits);
    float[] values = new float[scores.length * DIMENSIONS];

    assertThat(attended(scores, values, 0, scores.length)).containsOnly(Float.NaN);
  }

  private static float[] attended(float[] scores, float[] values, int first, int end) {
    try (var tile = new FlashTile(3, DIMENSIONS);
        var arena = Arena.ofConfined()) {
      var elements = new FloatElements();
      long result = arena.allocate(4L * DIMENSIONS, 64).address();
      // The second of three rows, so that there is somebody to be disturbed.
      for (int round = 0; round < 2; round++) {
        tile.begin(3);
        for (int block = 0; block < BLOCKS; block++) step(tile, block, scores, values, first, end);
        tile.finish(1, elements, result);
      }
      float[] actual = new float[DIMENSIONS];
      for (int d = 0; d < DIMENSIONS; d++) actual[d] = Simd.get(result + 4L * d);
      return actual;
    }
  }

  private static void step(
      FlashTile tile, int block, float[] scores, float[] values, int first, int end) {
    int at = block * BLOCK;
    for (int row = 0; row < 3; row++)
      for (int i = 0; i < BLOCK; i++)
        Simd.put(tile.scores + 4L * (row * FlashTile.STRIDE + i), scores[at + i]);
    int from = Math.max(0, first - at);
    int to = Math.min(BLOCK, end - at);
    if (from == 0 && to == BLOCK) tile.seeAll(3, BLOCK);
    else for (int row = 0; row < 3; row++) tile.see(row, from, to, BLOCK);
    tile.refuse(3);
    tile.weigh(3, SCALE);
    for (int d = 0; d < DIMENSIONS; d++) {
      long sum = tile.sums + 4L * (DIMENSIONS + d);
      float before = block == 0 ? 0 : Simd.get(sum);
      float more = 0;
      for (int i = 0; i < BLOCK; i++) more += weight(tile, i) * values[(at + i) * DIMENSIONS + d];
      Simd.put(sum, before + more);
    }
  }

  private static float weight(FlashTile tile, int token) {
    int within = token % 32;
    int place = token - within + 2 * (within % 16) + within / 16;
    long at = tile.weights + 2L * (FlashTile.STRIDE + place);
    return Float.intBitsToFloat(Simd.MEMORY.get(ValueLayout.JAVA_SHORT_UNALIGNED, at) << 16);
  }

  private static float expected(float[] scores, float[] values, int first, int end, int d) {
    double most = Double.NEGATIVE_INFINITY;
    for (int i = first; i < end; i++) most = Math.max(most, scores[i]);
    double[] weights = new double[end];
    double sum = 0;
    for (int i = first; i < end; i++) {
      weights[i] = Math.pow(2, (scores[i] - most) * SCALE);
      sum += weights[i] * values[i * DIMENSIONS + d];
    }
    return (float) (sum / Arrays.stream(weights).sum());
  }
}
