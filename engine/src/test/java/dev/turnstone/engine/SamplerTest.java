package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.turnstone.engine.grammar.Constraints;
import dev.turnstone.engine.grammar.Guide;
import dev.turnstone.engine.grammar.TokenTrie;
import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Penalties;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Scores;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplerTest {
  private static final float[] LOGITS = {2.0f, 1.0f, 0.5f, -1.0f, 0.0f};
  private static final int DRAWS = 20_000;

  private final Sampler sampler = new Sampler();

  private static MemorySegment row(float... logits) {
    return MemorySegment.ofArray(logits);
  }

  /// A sequence with a prompt and what was generated after it.
  private static Sequence sequence(Sampling sampling, int top, int[] prompt, int... generated) {
    var request =
        new Policy.Request(Tokens.of(prompt), sampling, 1000, Set.of(4), Duration.ofMinutes(1));
    var sequence =
        new Sequence(
            request.withScores(new Scores(top, OptionalInt.empty())),
            (_, _, _) -> {},
            sampling.seed().orElse(0),
            0,
            Optional.empty());
    for (int id : generated)
      sequence.append(new Sampler.Drawn(id, -1, TopLogprobs.NONE), 0, "test");
    return sequence;
  }

  /// The definition, in f64 and without any shortcut.
  private static double[] softmax(double temperature, double... logits) {
    double max = Arrays.stream(logits).max().orElseThrow();
    double[] masses =
        Arrays.stream(logits).map(logit -> Math.exp((logit - max) / temperature)).toArray();
    double total = Arrays.stream(masses).sum();
    return Arrays.stream(masses).map(mass -> mass / total).toArray();
  }

  private static double[] doubles(float... values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) doubles[i] = values[i];
    return doubles;
  }

  /// Draws with many seeds and compares the counts with the distribution they should follow.
  private void drawsFollow(double[] expected, Sampling sampling, int[] prompt, int... generated) {
    int[] counts = new int[expected.length];
    for (int seed = 0; seed < DRAWS; seed++) {
      Sequence sequence = sequence(sampling.withSeed(seed), 0, prompt, generated);
      counts[sampler.draw(row(LOGITS), sequence).id()]++;
    }
    double chi = 0;
    for (int id = 0; id < counts.length; id++) {
      if (expected[id] == 0) assertThat(counts[id]).as("id %d", id).isZero();
      else chi += Math.pow(counts[id] - DRAWS * expected[id], 2) / (DRAWS * expected[id]);
    }
    // Chi-squared with at most 4 degrees of freedom exceeds 18.5 once in a thousand.
    assertThat(chi).as("counts %s of %s", counts, expected).isLessThan(18.5);
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

  @ParameterizedTest
  @CsvSource({"1", "0.8", "0.2", "3", "100"})
  void drawsFollowTheSoftmaxAtTheTemperature(double temperature) {
    var sampling = new Sampling(temperature, 0, 1, 0, OptionalLong.empty());
    drawsFollow(softmax(temperature, doubles(LOGITS)), sampling, new int[] {0});
  }

  @Test
  void aTemperatureNearZeroIsAsGoodAsGreedy() {
    for (double temperature : new double[] {1e-3, 1e-9, 1e-30, 1e-300}) {
      var sampling = new Sampling(temperature, 0, 1, 0, OptionalLong.of(3));
      Sampler.Drawn drawn = sampler.draw(row(LOGITS), sequence(sampling, 0, new int[] {0}));
      assertThat(drawn.id()).isZero();
      assertThat(drawn.logprob()).isZero();
    }
  }

  @ParameterizedTest(name = "top_k {0}, top_p {1}, min_p {2} keep {3}")
  @CsvSource({
    "0, 1.0, 0.0, 0 1 2 4 3",
    "2, 1.0, 0.0, 0 1",
    "1, 1.0, 0.0, 0",
    "9, 1.0, 0.0, 0 1 2 4 3",
    "0, 0.5, 0.0, 0",
    "0, 0.6, 0.0, 0 1",
    "0, 1.0, 0.3, 0 1",
    "0, 1.0, 1.0, 0",
    "3, 0.9, 0.0, 0 1 2",
    "4, 0.99, 0.2, 0 1 2",
    "0, 1e-9, 0.0, 0",
  })
  void truncationKeepsTheMostProbableAndDrawsFollowTheRest(
      int topK, double topP, double minP, String kept) {
    var sampling = new Sampling(1, topK, topP, minP, OptionalLong.empty());
    int[] ids = Arrays.stream(kept.split(" ")).mapToInt(Integer::parseInt).toArray();
    var row = new Softmax().over(row(LOGITS), 1);
    assertThat(new Truncation().of(row, 5, sampling).ids).isEqualTo(ids);
    double[] full = softmax(1, doubles(LOGITS));
    double share = Arrays.stream(ids).mapToDouble(id -> full[id]).sum();
    double[] expected = new double[5];
    for (int id : ids) expected[id] = full[id] / share;

    drawsFollow(expected, sampling, new int[] {0});
  }

  @Test
  void truncationOfLargeRowsIsWhatSortingGives() {
    var random = new SplittableRandom(4);
    for (int vocabulary : new int[] {97, 1025, 5000}) {
      float[] logits = new float[vocabulary];
      for (int id = 0; id < vocabulary; id++)
        logits[id] = Math.round(8 * random.nextGaussian()) / 4f; // many ties
      for (var sampling :
          new Sampling[] {
            new Sampling(1, 50, 1, 0, OptionalLong.empty()),
            new Sampling(1, 0, 0.9, 0, OptionalLong.empty()),
            new Sampling(1, 60, 0.7, 0, OptionalLong.empty()),
            new Sampling(1, 0, 0.8, 0.05, OptionalLong.empty()),
          }) {
        var row = new Softmax().over(row(logits), 1);
        assertThat(new Truncation().of(row, vocabulary, sampling).ids)
            .isEqualTo(sorted(logits, sampling));
      }
    }
  }

  private static int[] sorted(float[] logits, Sampling sampling) {
    double[] probabilities = softmax(1, doubles(logits));
    double most = Arrays.stream(probabilities).max().orElseThrow();
    int[] ids =
        IntStream.range(0, logits.length)
            .filter(id -> probabilities[id] >= most * sampling.minP())
            .boxed()
            .sorted((a, b) -> logits[a] == logits[b] ? a - b : Float.compare(logits[b], logits[a]))
            .mapToInt(id -> id)
            .limit(sampling.topK() == 0 ? logits.length : sampling.topK())
            .toArray();
    double left = Arrays.stream(ids).mapToDouble(id -> probabilities[id]).sum();
    double sum = 0;
    int count = 0;
    while (count < ids.length && sum < sampling.topP() * left) sum += probabilities[ids[count++]];
    return Arrays.copyOf(ids, count);
  }

  @Test
  void penaltiesFollowTheirFormulas() {
    var sampling = Sampling.FULL.withPenalties(new Penalties(0.3, 0.7, 1.5));
    // 0 was generated twice, 1 once and stands in the prompt, 3 stands only in the prompt.
    int[] prompt = {1, 3, 3};
    double[] logits = {
      2.0 / 1.5 - 2 * 0.3 - 0.7, 1.0 / 1.5 - 0.3 - 0.7, 0.5, -1.0 * 1.5, 0.0,
    };
    drawsFollow(softmax(1, logits), sampling, prompt, 0, 1, 0);
  }

  @Test
  void biasAllowedIdsAndLeastLengthChangeTheDistribution() {
    var biased = Sampling.FULL.withLogitBias(Map.of(3, 2.5, 0, -100.0));
    drawsFollow(softmax(1, -98, 1, 0.5, 1.5, 0), biased, new int[] {0});
    double out = Double.NEGATIVE_INFINITY;
    var allowed = Sampling.FULL.withAllowedIds(Set.of(1, 3));
    drawsFollow(softmax(1, out, 1, out, -1, out), allowed, new int[] {0});
    var longer = Sampling.FULL.withMinTokens(2);
    drawsFollow(softmax(1, 2, 1, 0.5, -1, out), longer, new int[] {0}, 2);
    drawsFollow(softmax(1, doubles(LOGITS)), longer, new int[] {0}, 2, 2);
  }

  @Test
  void aMaskLeavesWhatItAllowsAndDrawsFollowTheRest() {
    var constraint = new Constraint.Regex("[ac]+");
    double out = Double.NEGATIVE_INFINITY;
    // Ids 0 to 3 are the letters a to d; 4 ends the text, where it may end.
    drawsFollow(softmax(1, 2, out, 0.5, out, out), Sampling.FULL, constraint);
    drawsFollow(softmax(1, 2, out, 0.5, out, 0), Sampling.FULL, constraint, 0, 2);
    var everything =
        new Sampling(0.8, 2, 0.95, 0.01, OptionalLong.empty())
            .withPenalties(new Penalties(0.3, 0, 1.2))
            .withLogitBias(Map.of(4, 1.5));
    double[] logits = {2 / 1.2 - 0.3, out, 0.5, out, 1.5};
    double[] left = softmax(0.8, logits[0], out, out, out, logits[4]);
    drawsFollow(left, everything, constraint, 0);
  }

  private void drawsFollow(
      double[] expected, Sampling sampling, Constraint constraint, int... generated) {
    byte[][] letters = {{'a'}, {'b'}, {'c'}, {'d'}, {}};
    var trie = new TokenTrie(letters);
    var grammar = new Constraints().grammar(constraint);
    int[] counts = new int[expected.length];
    for (int seed = 0; seed < DRAWS; seed++) {
      var request =
          new Policy.Request(
                  Tokens.of(3), sampling.withSeed(seed), 9, Set.of(4), Duration.ofMinutes(1))
              .withConstraint(constraint);
      var guide = Optional.of(new Guide(grammar, trie, Runnable::run));
      var sequence = new Sequence(request, (_, _, _) -> {}, seed, 0, guide);
      for (int id : generated)
        sequence.append(new Sampler.Drawn(id, -1, TopLogprobs.NONE), 0, "test");
      counts[sampler.draw(row(LOGITS), sequence).id()]++;
    }
    for (int id = 0; id < counts.length; id++) {
      double share = DRAWS * expected[id];
      // Five standard deviations.
      double tolerance = 5 * Math.sqrt(share * (1 - expected[id]));
      assertThat((double) counts[id]).as("id %d", id).isCloseTo(share, within(tolerance));
    }
  }

  @Test
  void aBadWordIsNeverCompleted() {
    double out = Double.NEGATIVE_INFINITY;
    var banned =
        Sampling.FULL.withBadWords(Set.of(Tokens.of(2), Tokens.of(1, 0), Tokens.of(3, 1, 4)));
    drawsFollow(softmax(1, 2, 1, out, -1, 0), banned, new int[] {1});
    drawsFollow(softmax(1, out, 1, out, -1, out), banned, new int[] {0}, 3, 1);
    // What stands in the prompt was not generated.
    drawsFollow(softmax(1, 2, 1, out, -1, 0), banned, new int[] {3}, 0, 0);
  }

  @Test
  void namedIdsAreToldInTheirOrderUnderEveryMode() {
    var sampling = new Sampling(0.5, 2, 1, 0, OptionalLong.of(1));
    for (LogprobMode mode : LogprobMode.values()) {
      var request =
          new Policy.Request(
                  Tokens.of(0), sampling.withLogprobMode(mode), 9, Set.of(4), Duration.ofMinutes(1))
              .withScores(Scores.SAMPLED.withNamed(Tokens.of(4, 0)));
      var sequence = new Sequence(request, (_, _, _) -> {}, 1, 0, Optional.empty());
      TopLogprobs top = sampler.draw(row(LOGITS), sequence).top();
      double[] full =
          switch (mode) {
            case POLICY -> softmax(0.5, doubles(LOGITS));
            case RAW -> softmax(1, doubles(LOGITS));
            case SAMPLED -> softmax(0.5, 2, 1, -1e9, -1e9, -1e9);
          };
      assertThat(top.ids()).isEqualTo(Tokens.of(4, 0));
      assertThat((double) top.logprobs().get(1)).isCloseTo(Math.log(full[0]), within(1e-5));
      if (mode == LogprobMode.SAMPLED)
        assertThat(top.logprobs().get(0)).isEqualTo(Float.NEGATIVE_INFINITY);
      else assertThat((double) top.logprobs().get(0)).isCloseTo(Math.log(full[4]), within(1e-5));
    }
  }

  @Test
  void theModeSaysWhichLogprobIsRecorded() {
    var sampling =
        new Sampling(0.5, 2, 1, 0, OptionalLong.of(1)).withLogitBias(Map.of(0, -0.5, 3, 9.0));
    for (LogprobMode mode : LogprobMode.values()) {
      double[] full =
          switch (mode) {
            case POLICY -> softmax(0.5, doubles(LOGITS));
            case RAW -> softmax(1, doubles(LOGITS));
            case SAMPLED -> softmax(0.5, 1.5, -1e9, -1e9, 8, -1e9);
          };
      for (int seed = 0; seed < 50; seed++) {
        Sequence sequence =
            sequence(sampling.withLogprobMode(mode).withSeed(seed), 2, new int[] {0});
        Sampler.Drawn drawn = sampler.draw(row(LOGITS), sequence);
        assertThat(drawn.id()).isIn(0, 3);
        assertThat((double) drawn.logprob()).isCloseTo(Math.log(full[drawn.id()]), within(1e-5));
      }
    }
  }

  @Test
  void topLogprobsAreTheMostProbableWithTheRankOfWhatWasDrawn() {
    var sampling = new Sampling(2, 0, 1, 0, OptionalLong.of(8)).withAllowedIds(Set.of(2));
    Sampler.Drawn drawn = sampler.draw(row(LOGITS), sequence(sampling, 3, new int[] {0}));
    double[] full = softmax(2, doubles(LOGITS));
    assertThat(drawn.id()).isEqualTo(2);
    assertThat(drawn.top().rank()).isEqualTo(3);
    assertThat(drawn.top().ids()).isEqualTo(Tokens.of(0, 1, 2));
    for (int i = 0; i < 3; i++)
      assertThat((double) drawn.top().logprobs().get(i)).isCloseTo(Math.log(full[i]), within(1e-6));
    var all = sampler.draw(row(LOGITS), sequence(sampling, 99, new int[] {0})).top();
    assertThat(all.ids()).isEqualTo(Tokens.of(0, 1, 2, 4, 3));
  }

  @Test
  void greedyTakesTheLargestAfterPenalties() {
    var sampling = Sampling.GREEDY.withPenalties(new Penalties(0, 1.5, 1));
    assertThat(sampler.draw(row(LOGITS), sequence(sampling, 0, new int[] {0})).id()).isZero();
    Sampler.Drawn drawn = sampler.draw(row(LOGITS), sequence(sampling, 0, new int[] {0}, 0));
    assertThat(drawn.id()).isEqualTo(1);
    double[] full = softmax(1, doubles(LOGITS));
    assertThat((double) drawn.logprob()).isCloseTo(Math.log(full[1]), within(1e-6));
  }

  @Test
  void aLargeRowsDistributionIsExactToRounding() {
    var random = new SplittableRandom(9);
    float[] logits = new float[49_152];
    for (int id = 0; id < logits.length; id++) logits[id] = (float) (4 * random.nextGaussian());
    double[] full = softmax(0.7, doubles(logits));
    var row = new Softmax().over(row(logits), 0.7);
    double worst = 0;
    for (int id = 0; id < logits.length; id++)
      worst = Math.max(worst, Math.abs(row.logprob(id) - Math.log(full[id])));
    assertThat(worst).isLessThan(1e-5);
    double[] below = new double[logits.length + 1];
    for (int id = 0; id < logits.length; id++) below[id + 1] = below[id] + full[id];
    for (double uniform = 0.0005; uniform < 1; uniform += 0.001) {
      int id = row.at(uniform);
      assertThat(uniform).isBetween(below[id] - 1e-6, below[id + 1] + 1e-6);
    }
    assertThat(row.at(0)).isZero();
    assertThat(row.at(Math.nextDown(1.0))).isGreaterThan(logits.length - 100);
  }

  @Test
  void logitsThatAreNoDistributionAreReportedAsNaN() {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      float[] logits = LOGITS.clone();
      logits[3] = bad;
      assertThat(sampler.draw(row(logits), sequence(Sampling.FULL, 0, new int[] {0})).logprob())
          .isNaN();
    }
  }
}
