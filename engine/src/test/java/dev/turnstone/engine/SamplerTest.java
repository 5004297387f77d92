package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.IValue;
import dev.turnstone.rollout.Sampling;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplerTest {
  private static final float[] LOGITS = {2.0f, 1.0f, 0.5f, -1.0f, 0.0f};

  private static double[] softmax(double temperature) {
    return Arrays.stream(Truncation.logSoftmax(LOGITS, temperature)).map(Math::exp).toArray();
  }

  @Test
  void uniformNumbersDependOnSeedAndPositionAndAreUniform() {
    assertThat(Sampler.uniform(3, 9)).isEqualTo(Sampler.uniform(3, 9));
    assertThat(Sampler.uniform(3, 9)).isNotEqualTo(Sampler.uniform(3, 10));
    assertThat(Sampler.uniform(3, 9)).isNotEqualTo(Sampler.uniform(4, 9));
    int[] bins = new int[20];
    for (int seed = 0; seed < 100; seed++)
      for (int position = 0; position < 1000; position++)
        bins[(int) (20 * Sampler.uniform(seed, position))]++;
    // Chi-squared with 19 degrees of freedom exceeds 43.8 once in a thousand.
    double chi = Arrays.stream(bins).mapToDouble(b -> (b - 5000.0) * (b - 5000.0) / 5000).sum();
    assertThat(chi).isLessThan(43.8);
  }

  @Test
  void drawsFollowTheSoftmaxAtTheTemperature() {
    int draws = 20_000;
    double temperature = 0.8;
    int[] counts = new int[LOGITS.length];
    double[] expected = softmax(temperature);
    try (var model = new Model(RandomModel.CONFIG, Precision.F32);
        var step = Model.newManager()) {
      float[] rows = new float[draws * LOGITS.length];
      for (int i = 0; i < rows.length; i++) rows[i] = LOGITS[i % LOGITS.length];
      float[] temperatures = new float[draws];
      Arrays.fill(temperatures, (float) temperature);
      double[] uniforms =
          IntStream.range(0, draws).mapToDouble(i -> Sampler.uniform(1, i)).toArray();
      double[] pairs =
          model
              .run(
                  step,
                  "sample",
                  IValue.from((PtNDArray) step.create(rows, new Shape(draws, LOGITS.length))),
                  IValue.from((PtNDArray) step.create(temperatures)),
                  IValue.from((PtNDArray) step.create(uniforms, new Shape(draws))))
              .toDoubleArray();
      for (int i = 0; i < draws; i++) {
        int id = (int) pairs[2 * i];
        counts[id]++;
        assertThat(pairs[2 * i + 1]).isCloseTo(Math.log(expected[id]), within(1e-5));
      }
    }
    double chi = 0;
    for (int id = 0; id < counts.length; id++)
      chi += Math.pow(counts[id] - draws * expected[id], 2) / (draws * expected[id]);
    // Chi-squared with 4 degrees of freedom exceeds 18.5 once in a thousand.
    assertThat(chi).isLessThan(18.5);
  }

  @ParameterizedTest(name = "top_k {0}, top_p {1}, min_p {2} keep {3}")
  @CsvSource({
    "0, 1.0, 0.0, 0 1 2 4 3",
    "2, 1.0, 0.0, 0 1",
    "1, 1.0, 0.0, 0",
    "0, 0.5, 0.0, 0",
    "0, 0.6, 0.0, 0 1",
    "0, 1.0, 0.3, 0 1",
    "0, 1.0, 1.0, 0",
    "3, 0.9, 0.0, 0 1 2",
    "0, 1e-9, 0.0, 0",
  })
  void truncationKeepsTheMostProbable(int topK, double topP, double minP, String kept) {
    var sampling = new Sampling(1, topK, topP, minP, OptionalLong.empty());
    int[] expected = Arrays.stream(kept.split(" ")).mapToInt(Integer::parseInt).toArray();
    assertThat(Truncation.kept(Truncation.logSoftmax(LOGITS, 1), sampling)).isEqualTo(expected);
  }

  @Test
  void truncatedDrawsFollowTheRestAndReportTheFullDistribution() {
    var sampling = new Sampling(1, 2, 1, 0, OptionalLong.empty());
    double[] full = softmax(1);
    int first = 0;
    int draws = 20_000;
    for (int i = 0; i < draws; i++) {
      Sampler.Drawn drawn = Truncation.draw(LOGITS, sampling, Sampler.uniform(5, i));
      assertThat(drawn.id()).isIn(0, 1);
      assertThat((double) drawn.logprob()).isCloseTo(Math.log(full[drawn.id()]), within(1e-5));
      if (drawn.id() == 0) first++;
    }
    double share = full[0] / (full[0] + full[1]);
    double deviation = Math.sqrt(share * (1 - share) / draws);
    assertThat((double) first / draws).isCloseTo(share, within(4 * deviation));
  }
}
