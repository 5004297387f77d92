package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.turnstone.engine.lanes.LaneForward;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Lanes against the TorchScript forward pass, step by step over the same tokens.
class LaneForwardTest {
  private static final int STEP = 128;

  /// Rows of a step of which each of two lanes takes its own.
  private static final int MANY = 512;

  @TempDir Path folder;

  /// Sizes that leave remainders: three heads to a KV head, a head of more than one vector.
  private static ModelConfig sizes(int heads, int kvHeads, int headDim) {
    return ModelConfig.llama(131, 96, 160, 2, heads, kvHeads, headDim, 256, 1e-5, 10_000, true);
  }

  @ParameterizedTest
  @CsvSource({"1, 4, 2, 8", "2, 3, 1, 64", "3, 7, 1, 24"})
  void lanesComputeWhatTorchScriptComputes(int lanes, int heads, int kvHeads, int headDim)
      throws Exception {
    ModelConfig config = sizes(heads, kvHeads, headDim);
    try (Model model = model(config, Precision.F32);
        var lane = new LaneForward(config, Precision.F32, lanes, 64 << 20, STEP, false);
        var torch = new TorchForward(model, new KvCache(model, 64 << 20));
        var packed = lane.prepare(model.load(folder));
        var plain = torch.prepare(model.load(folder))) {
      for (StepBatch batch : conversation())
        assertClose(lane.run(batch, packed), torch.run(batch, plain), batch);
    }
  }

  /// More keys than a token attends to at once.
  @ParameterizedTest
  @EnumSource(Precision.class)
  void aTokenOfALongSequenceAttendsToAllOfIt(Precision precision) throws Exception {
    ModelConfig config = ModelConfig.llama(131, 32, 32, 2, 6, 2, 16, 4200, 1e-5, 10_000, true);
    try (Model model = model(config, precision);
        var lane = new LaneForward(config, precision, 2, 64 << 20, 4200, false);
        var byToken = new LaneForward(config, precision, 2, 64 << 20, 4200, true);
        var weights = lane.prepare(model.load(folder));
        var same = byToken.prepare(model.load(folder))) {
      StepBatch prompt = step(part(0, 4150, 0, 1));
      StepBatch next = step(part(0, 1, 4150, 1));
      double farthest = 0;
      for (StepBatch batch : List.of(prompt, next))
        farthest =
            Math.max(
                farthest, squaredError(lane.run(batch, weights), byToken.run(batch, same), batch));
      assertThat(farthest).isLessThan(precision == Precision.F32 ? 1e-6 : 1e-2);
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 4, 4, 16", "2, 9, 3, 64", "3, 5, 1, 80", "2, 4, 2, 128", "2, 6, 2, 24"})
  void inBfloat16LanesAreNoFartherFromTheTruthThanTorchScript(
      int lanes, int heads, int kvHeads, int headDim) throws Exception {
    ModelConfig config = sizes(heads, kvHeads, headDim);
    writeWeights(config);
    assertNoFartherFromTheTruth(config, lanes, conversation());
  }

  /// The folder's weights in both forward passes in bf16, against TorchScript's in f32.
  private void assertNoFartherFromTheTruth(ModelConfig config, int lanes, List<StepBatch> steps)
      throws Exception {
    try (Model model = new Model(config, Precision.BF16);
        Model exact = new Model(config, Precision.F32);
        var lane = new LaneForward(config, Precision.BF16, lanes, 64 << 20, 2 * MANY, false);
        var torch = new TorchForward(model, new KvCache(model, 64 << 20));
        var truth = new TorchForward(exact, new KvCache(exact, 64 << 20));
        var packed = lane.prepare(model.load(folder));
        var plain = torch.prepare(model.load(folder));
        var whole = truth.prepare(exact.load(folder))) {
      double ours = 0;
      double theirs = 0;
      for (StepBatch batch : steps) {
        LogitRows right = truth.run(batch, whole);
        ours += squaredError(lane.run(batch, packed), right, batch);
        theirs += squaredError(torch.run(batch, plain), right, batch);
      }
      assertThat(theirs).isPositive();
      assertThat(ours).isLessThan(1.2 * theirs);
    }
  }

  /// Prompts, another one beside what decodes, then all that decode; shares with a remainder.
  @ParameterizedTest
  @CsvSource({"1, 4, 4, 16", "2, 9, 3, 64", "2, 4, 2, 80"})
  void inBfloat16LanesTakeRowsOfTheirOwnWhereTheseAreMany(
      int lanes, int heads, int kvHeads, int headDim) throws Exception {
    ModelConfig config =
        ModelConfig.llama(131, 96, 160, 2, heads, kvHeads, headDim, MANY, 1e-5, 10_000, true);
    writeWeights(config);
    StepBatch.Part first = part(0, 302, 0, 1);
    assertNoFartherFromTheTruth(
        config,
        lanes,
        List.of(
            everywhere(step(first, part(302, MANY - 275, 0, 30))),
            step(part(0, 1, 302, 1), part(1, 1, MANY - 275, 30), part(2, 510, 0, 50)),
            step(part(0, 1, 303, 1), part(1, 1, MANY - 274, 30), part(2, 1, 510, 50))));
  }

  /// A window that ends within a block of keys, over prompts that are longer than one.
  @ParameterizedTest
  @CsvSource({"1, 2, 2, 60", "2, 4, 1, 3", "2, 4, 2, 100", "2, 8, 1, 220"})
  void inBfloat16LanesSeeNoMoreThanASlidingWindow(int lanes, int heads, int kvHeads, int window)
      throws Exception {
    ModelConfig config = sliding(heads, kvHeads, window);
    writeWeights(config);
    var steps = new ArrayList<StepBatch>();
    for (int computed = 0; computed < 512; computed += STEP)
      steps.add(everywhere(step(part(0, STEP, computed, 1))));
    assertNoFartherFromTheTruth(config, lanes, steps);
  }

  static List<GoldenModel> families() {
    return GoldenModel.all();
  }

  /// Norms of heads, biases, windows and all that families have, over a prompt taken as a chunk.
  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void inBfloat16LanesComputeEveryFamily(GoldenModel golden) throws Exception {
    ModelConfig config = ModelConfig.read(golden.write(folder));
    var steps = new ArrayList<StepBatch>();
    for (int computed : new int[] {0, 30, 60}) {
      int[] ids = new SplittableRandom(computed).ints(30, 0, config.vocabulary()).toArray();
      steps.add(everywhere(new StepBatch(ids, List.of(part(0, 30, computed, 1)), new int[0])));
    }
    var many = new ArrayList<StepBatch.Part>();
    for (int row = 0; row < MANY; row += 64) many.add(part(row, 64, 0, 10 + row / 16));
    int[] ids = new SplittableRandom(1).ints(MANY, 0, config.vocabulary()).toArray();
    steps.add(everywhere(new StepBatch(ids, many, new int[0])));
    assertNoFartherFromTheTruth(config, 2, steps);
  }

  private static ModelConfig sliding(int heads, int kvHeads, int window) {
    ModelConfig all =
        ModelConfig.llama(131, 96, 160, 2, heads, kvHeads, 32, 512, 1e-5, 10_000, true);
    return new ModelConfig(
        all.family(),
        all.vocabulary(),
        all.hidden(),
        all.intermediate(),
        all.layers(),
        heads,
        kvHeads,
        all.headDim(),
        all.contextLength(),
        all.normEps(),
        all.tied(),
        all.biases(),
        all.attentionScale(),
        window,
        List.of(new ModelConfig.Layer(true, 0), new ModelConfig.Layer(false, 0)),
        all.ropes());
  }

  /// The same step with logits of every row.
  private static StepBatch everywhere(StepBatch batch) {
    return new StepBatch(batch.ids(), batch.parts(), IntStream.range(0, batch.rows()).toArray());
  }

  private static double squaredError(LogitRows actual, LogitRows right, StepBatch batch) {
    double sum = 0;
    for (int row = 0; row < batch.wanted().length; row++)
      for (int id = 0; id < right.vocabulary(); id++)
        sum += Math.pow(LogitRows.at(actual.row(row), id) - LogitRows.at(right.row(row), id), 2);
    return sum;
  }

  private Model model(ModelConfig config, Precision precision) throws Exception {
    writeWeights(config);
    return new Model(config, precision);
  }

  private void writeWeights(ModelConfig config) throws Exception {
    Files.createDirectories(folder);
    RandomModel.writeWeights(folder, config, 3, Safetensors.Dtype.BF16);
  }

  /// A prompt beside another that shares its first blocks; then two prompts in one step, the rest
  /// of one of them beside the other's decoding, then decoding.
  private static List<StepBatch> conversation() {
    var steps = new ArrayList<StepBatch>();
    steps.add(step(part(0, 70, 0, 1), sharing(70, 20, 64, 1, 40)));
    steps.add(step(part(0, 70, 0, 1), part(70, 33, 0, 20)));
    steps.add(step(part(0, 1, 33, 20), part(1, 60, 70, 1)));
    for (int i = 0; i < 4; i++) steps.add(step(part(0, 1, 34 + i, 20), part(1, 1, 130 + i, 1)));
    steps.add(step(part(0, 1, 134, 1), part(1, 5, 38, 20)));
    return steps;
  }

  /// A whole prompt, then many chunks that share it: more rows than the cache has tokens.
  @Test
  void chunksThatFindNoRoomAttendTokenByToken() throws Exception {
    ModelConfig config = sizes(4, 2, 8);
    // 17 blocks, the least for this context.
    long kvBytes;
    try (var large = new LaneForward(config, Precision.F32, 1, 64 << 20, STEP, false)) {
      kvBytes = large.cacheBytes() / large.blocks() * 17;
    }
    var group = new ArrayList<StepBatch.Part>();
    for (int i = 0; i < 6; i++) group.add(sharing(8 * i, 8, 128, 1, i + 1));
    List<StepBatch> steps =
        List.of(step(part(0, 128, 0, 1)), step(group.toArray(StepBatch.Part[]::new)));
    try (Model model = model(config, Precision.F32);
        var lane = new LaneForward(config, Precision.F32, 2, kvBytes, STEP, false);
        var torch = new TorchForward(model, new KvCache(model, 64 << 20));
        var packed = lane.prepare(model.load(folder));
        var plain = torch.prepare(model.load(folder))) {
      assertThat(6 * 136).isGreaterThan(lane.blocks() * Model.BLOCK);
      for (StepBatch batch : steps)
        assertClose(lane.run(batch, packed), torch.run(batch, plain), batch);
    }
  }

  private static StepBatch.Part part(int row, int count, int computed, int firstBlock) {
    int[] blocks = new int[(computed + count + Model.BLOCK - 1) / Model.BLOCK];
    for (int i = 0; i < blocks.length; i++) blocks[i] = firstBlock + i;
    return new StepBatch.Part(row, count, computed, blocks);
  }

  /// Sees as computed what another part of its step computes: blocks from `shared` on.
  private static StepBatch.Part sharing(int row, int count, int computed, int shared, int own) {
    int[] blocks = part(row, count, computed, shared).blocks();
    for (int i = computed / Model.BLOCK; i < blocks.length; i++) blocks[i] = own + i;
    return new StepBatch.Part(row, count, computed, blocks);
  }

  private static StepBatch step(StepBatch.Part... parts) {
    int rows = 0;
    for (StepBatch.Part part : parts) rows += part.count();
    int[] ids = new SplittableRandom(rows).ints(rows, 0, 131).toArray();
    int[] wanted = new int[parts.length];
    for (int i = 0; i < parts.length; i++) wanted[i] = parts[i].row() + parts[i].count() - 1;
    return new StepBatch(ids, List.of(parts), wanted);
  }

  private static void assertClose(LogitRows actual, LogitRows expected, StepBatch batch) {
    for (int row = 0; row < batch.wanted().length; row++)
      for (int id = 0; id < expected.vocabulary(); id++) {
        float right = LogitRows.at(expected.row(row), id);
        assertThat(LogitRows.at(actual.row(row), id))
            .as("logit of %d in row %d of %s", id, row, batch.parts())
            .isCloseTo(right, within(1e-4f * Math.max(1, Math.abs(right))));
      }
  }

  /// Bit for bit, whatever is beside it, however it is cut, and on any number of lanes' first step.
  @ParameterizedTest
  @CsvSource({"F32, 1", "F32, 2", "BF16, 2"})
  void deterministicallyATokensLogitsDoNotDependOnItsStep(Precision precision, int lanes)
      throws Exception {
    ModelConfig config = sizes(9, 3, 64);
    int[] ids = new SplittableRandom(1).ints(90, 0, 131).toArray();
    try (Model model = model(config, precision);
        var lane = new LaneForward(config, precision, lanes, 64 << 20, 2 * MANY, true);
        var packed = lane.prepare(model.load(folder))) {
      byte[] whole = bytes(lane.run(prompt(ids, 0, 90, 0), packed));
      lane.run(prompt(ids, 0, 37, 0), packed);
      lane.run(prompt(ids, 37, 52, 3), packed);
      byte[] cut = bytes(lane.run(prompt(ids, 89, 1, 20), packed));
      byte[] amongMany = bytes(lane.run(prompt(ids, 60, 30, MANY), packed));

      assertThat(cut).isEqualTo(whole);
      assertThat(amongMany).isEqualTo(whole);
    }
  }

  /// Tokens [first, first + count) of one sequence after tokens of others.
  private static StepBatch prompt(int[] ids, int first, int count, int others) {
    int[] all = new int[others + count];
    var parts = new ArrayList<StepBatch.Part>();
    for (int i = 0; i < others; i++) {
      all[i] = i % 131;
      parts.add(part(i, 1, 0, 30 + i));
    }
    System.arraycopy(ids, first, all, others, count);
    parts.add(part(others, count, first, 1));
    return new StepBatch(all, parts, new int[] {others + count - 1});
  }

  private static byte[] bytes(LogitRows rows) {
    return rows.row(0).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
  }

  @ParameterizedTest
  @CsvSource({"F32, 64", "F32, 24", "F32, 80", "BF16, 64", "BF16, 8", "BF16, 72", "BF16, 80"})
  void aCachedTokenTakesItsKeysAndValuesAndNoMore(Precision precision, int headDim) {
    ModelConfig config = sizes(4, 2, headDim);
    try (var lane = new LaneForward(config, precision, 1, 64 << 20, STEP, false)) {
      double perToken = (double) lane.cacheBytes() / lane.blocks() / Model.BLOCK;
      int bytes = precision == Precision.BF16 ? 2 : 4;
      assertThat(perToken).isEqualTo(config.layers() * 2.0 * config.kvHeads() * headDim * bytes);
    }
  }

  @Test
  void aModelOfOddSizesIsLeftToTorchScript() {
    ModelConfig odd = ModelConfig.llama(131, 90, 160, 2, 3, 1, 8, 256, 1e-5, 10_000, true);
    assertThat(LaneForward.obstacle(odd)).contains("hidden size 90");
    assertThat(LaneForward.obstacle(sizes(3, 1, 8))).isEmpty();
  }
}
