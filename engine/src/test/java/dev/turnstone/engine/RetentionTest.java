package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Conversations of several turns, whose blocks are kept or not while their tools run.
class RetentionTest {
  private static final WeightsId FIRST = new WeightsId("test", 0, "00");
  private static final long BLOCK_BYTES = RandomModel.CONFIG.kvBytesPerToken(4) * Model.BLOCK;

  @TempDir Path folder;
  private final List<Engine> engines = new ArrayList<>();

  private Engine engine(EngineConfig config) throws ModelException {
    Engine engine = Engine.load(RandomModel.write(folder.resolve("model"), 1), FIRST, config);
    engines.add(engine);
    return engine;
  }

  @AfterEach
  void everyBlockIsAccountedFor() throws InterruptedException {
    for (Engine engine : engines) {
      engine.checkIntegrity();
      engine.close();
    }
  }

  private static Tokens random(int length, long seed) {
    return Tokens.of(new SplittableRandom(seed).ints(length, 0, 97).toArray());
  }

  private static Policy.Request turn(String conversation, Tokens prompt, int maxTokens) {
    return new Policy.Request(prompt, Sampling.GREEDY, maxTokens, Set.of(), Duration.ofMinutes(1))
        .withConversation(conversation);
  }

  /// Plays turns of 5 generated and 7 observed ids after a prompt of 9.
  private static List<Generation> converse(Engine engine, String name, int turns, long seed)
      throws Exception {
    List<Generation> all = new ArrayList<>();
    Tokens held = random(9, seed);
    for (int turn = 0; turn < turns; turn++) {
      Generation generation = engine.generate(turn(name, held, 5));
      all.add(generation);
      held = held.plus(generation.ids()).plus(random(7, seed + turn));
    }
    return all;
  }

  @Test
  void aConversationOfTwentyTurnsComputesEveryTokenOnce() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    List<Generation> turns = converse(engine, "c", 20, 3);
    int length = 9;
    for (int turn = 0; turn < 20; turn++) {
      // All but the last id, which was sampled and never read.
      assertThat(turns.get(turn).cachedTokens()).isEqualTo(turn == 0 ? 0 : length - 7 - 1);
      length += 5 + 7;
    }
    engine.checkIntegrity(); // refreshes the figures
    EngineStats stats = engine.stats();
    long computed = stats.promptTokens() - stats.cachedTokens() + 20 * 4;
    assertThat(computed).isEqualTo(length - 7 - 1);
    assertThat(stats.keptConversations()).isEqualTo(1);
    engine.forget("c");
    engine.checkIntegrity();
    assertThat(engine.generate(turn("d", random(3, 1), 1)).ids().size()).isEqualTo(1);
    engine.forget("d");
    engine.checkIntegrity();
    assertThat(engine.stats().usedBlocks()).isZero();
  }

  @ParameterizedTest
  @EnumSource(Retention.class)
  void whatIsGeneratedDoesNotDependOnWhatIsKept(Retention retention) throws Exception {
    List<Tokens> expected = new ArrayList<>();
    Engine plain = engine(EngineConfig.DEFAULT);
    for (int c = 0; c < 12; c++) {
      Tokens held = random(9, c);
      for (int turn = 0; turn < 12; turn++) {
        Policy.Request request =
            new Policy.Request(held, Sampling.GREEDY, 5, Set.of(), Duration.ofMinutes(1));
        Generation generation = plain.generate(request);
        expected.add(generation.ids());
        held = held.plus(generation.ids()).plus(random(7, c + turn));
      }
    }
    // Room for four of the twelve conversations at their longest, so that there is pressure.
    Engine tight =
        engine(EngineConfig.DEFAULT.withKvBytes(BLOCK_BYTES * 41).withRetention(retention));
    List<Tokens> got = new ArrayList<>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var calls = new ArrayList<Future<List<Generation>>>();
      for (int c = 0; c < 12; c++) {
        int index = c;
        calls.add(threads.submit(() -> converse(tight, "c" + index, 12, index)));
      }
      for (var call : calls)
        call.get(60, TimeUnit.SECONDS).forEach(generation -> got.add(generation.ids()));
    }
    assertThat(got).isEqualTo(expected);
    tight.checkIntegrity(); // and by then the figures are those after the last step
    assertThat(tight.stats().waiting()).isZero();
    if (retention == Retention.NEVER) assertThat(tight.stats().keptBlocks()).isZero();
  }

  @Test
  void droppedConversationsComputeTheirPromptAgain() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT.withRetention(Retention.NEVER));
    for (Generation generation : converse(engine, "c", 5, 1))
      assertThat(generation.cachedTokens()).isZero();
  }

  @Test
  void aRewrittenHistoryUsesNothingThatDiffers() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Tokens first = random(40, 1);
    Generation turn = engine.generate(turn("c", first, 5));
    Tokens rewritten = first.slice(0, 37).plus(random(20, 2));
    Generation cached = engine.generate(turn("c", rewritten, 8));
    Generation fresh = engine(EngineConfig.DEFAULT).generate(turn("c", rewritten, 8));
    assertThat(turn.ids().size()).isEqualTo(5);
    assertThat(cached.cachedTokens()).isEqualTo(32);
    assertThat(cached.ids()).isEqualTo(fresh.ids());
    // The same prompt once more: nothing new follows, so the last block is computed again.
    assertThat(engine.generate(turn("c", rewritten, 8)).ids()).isEqualTo(cached.ids());
  }

  @Test
  void newWeightsComputeAKeptConversationAgain() throws Exception {
    Engine engine = engine(EngineConfig.DEFAULT);
    Tokens prompt = random(40, 1);
    Generation turn = engine.generate(turn("c", prompt, 5));
    Path next = folder.resolve("next");
    RandomModel.writeWeights(next, RandomModel.CONFIG, 2, Safetensors.Dtype.F32);
    engine.apply(
        new WeightsUpdate(
            new WeightsId("test", 1, "11"), next, WeightsUpdate.Pause.KEEP, WeightsUpdate.Kv.KEEP));
    Generation after = engine.generate(turn("c", prompt.plus(turn.ids()).plus(random(3, 2)), 5));
    assertThat(after.cachedTokens()).isZero();
    assertThat(after.mixedKv()).isFalse();
  }
}
