package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Scores;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.rollout.WeightsUpdate.Kv;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.rollout.WeightsUpdate.Probe;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Updates while something runs, by pause mode, and updates with a probe.
@Timeout(60)
class WeightsUpdateTest {
  private static final WeightsId FIRST = new WeightsId("test", 0, "00");
  private static final WeightsId SECOND = new WeightsId("test", 1, "11");

  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final CountDownLatch underWay = new CountDownLatch(20);
  private Path next = Path.of("");
  private Engine engine;

  @BeforeEach
  void load(@TempDir Path folder) throws Exception {
    next = RandomModel.write(folder.resolve("next"), 2);
    engine = open(RandomModel.write(folder.resolve("first"), 1));
  }

  private static Engine open(Path folder) throws Exception {
    return Engine.load(folder, FIRST, EngineConfig.DEFAULT);
  }

  @AfterEach
  void everyBlockIsAccountedFor() throws InterruptedException {
    engine.checkIntegrity();
    engine.close();
    threads.close();
  }

  private static Policy.Request request(int maxTokens) {
    return new Policy.Request(
        prompt(), Sampling.FULL.withSeed(7), maxTokens, Set.of(), Duration.ofMinutes(1));
  }

  private static Tokens prompt() {
    return Tokens.of(new SplittableRandom(5).ints(40, 0, 97).toArray());
  }

  private Future<Generation> underWay(int maxTokens) throws InterruptedException {
    Future<Generation> generation =
        threads.submit(
            () -> engine.generate(request(maxTokens), (_, _, _) -> underWay.countDown()));
    assertThat(underWay.await(20, TimeUnit.SECONDS)).isTrue();
    return generation;
  }

  private void apply(Pause pause, Optional<Probe> probe) throws Exception {
    engine.apply(new WeightsUpdate(SECOND, next, pause, Kv.KEEP, probe));
  }

  @Test
  void aClosedEngineTakesNoWeights() throws Exception {
    Engine closed = open(next);
    closed.close();
    var update = new WeightsUpdate(SECOND, next, Pause.KEEP, Kv.KEEP);
    assertThatThrownBy(() -> closed.apply(update))
        .isInstanceOf(WeightsRejected.class)
        .hasMessage("the engine is closed");
    closed.close();
  }

  @Test
  void anEngineClosesWhileSomebodyStillJudgesAnUpdate(@TempDir Path empty) throws Exception {
    Engine other = open(next);
    var judged = new CountDownLatch(1);
    var mayJudge = new CountDownLatch(1);
    var update = new WeightsUpdate(SECOND, empty, Pause.KEEP, Kv.KEEP);
    Future<?> applied =
        threads.submit(() ->
            other.apply(
                update,
                () -> {
                  judged.countDown();
                  mayJudge.await();
                }));
    assertThat(judged.await(20, TimeUnit.SECONDS)).isTrue();
    other.close();
    mayJudge.countDown();
    assertThatThrownBy(() -> applied.get(20, TimeUnit.SECONDS))
        .hasRootCauseInstanceOf(WeightsRejected.class)
        .hasRootCauseMessage("no .safetensors file in " + empty);
  }

  @Test
  void anUpdateThatWaitsLetsWhatRunsEndUnderItsOwnVersion() throws Exception {
    Future<Generation> running = underWay(150);
    apply(Pause.WAIT, Optional.empty());
    Generation before = running.get(20, TimeUnit.SECONDS);
    assertThat(before.ids().size()).isEqualTo(150);
    assertThat(before.versions().values()).containsExactly(0);
    assertThat(before.mixedKv()).isFalse();
    Generation after = engine.generate(request(5));
    assertThat(after.versions().values()).containsExactly(1);
    assertThat(after.cachedTokens()).isZero();
  }

  @Test
  void whoGivesUpWaitingForAnUpdateKeepsTheOldVersion() throws Exception {
    var goOn = new CountDownLatch(1);
    Future<Generation> running =
        threads.submit(() ->
            engine.generate(
                request(200),
                (_, _, _) -> {
                  underWay.countDown();
                  if (underWay.getCount() == 0) await(goOn);
                }));
    assertThat(underWay.await(20, TimeUnit.SECONDS)).isTrue();
    Thread asks = Thread.currentThread();
    Future<?> gaveUp =
        threads.submit(() -> {
          while (asks.getState() != Thread.State.TIMED_WAITING) Thread.onSpinWait();
          asks.interrupt();
        });
    assertThatThrownBy(() -> apply(Pause.WAIT, Optional.empty()))
        .isInstanceOf(InterruptedException.class);
    gaveUp.get(20, TimeUnit.SECONDS);
    goOn.countDown();
    assertThat(running.get(20, TimeUnit.SECONDS).ids().size()).isEqualTo(200);
    assertThat(engine.generate(request(5)).versions().values()).containsExactly(0);
    assertThat(engine.weights()).isEqualTo(FIRST);
    apply(Pause.WAIT, Optional.empty());
    assertThat(engine.weights()).isEqualTo(SECOND);
  }

  /// Holds the engine's thread.
  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void anUpdateThatAbortsGivesBackWhatThereIsUnderTheOldVersion() throws Exception {
    Future<Generation> running = underWay(200);
    engine.pause(Pause.KEEP); // else it may have ended before the weights are read
    apply(Pause.ABORT, Optional.empty());
    engine.resume();
    Generation before = running.get(20, TimeUnit.SECONDS);
    assertThat(before.finish()).isEqualTo(FinishReason.ABORT);
    assertThat(before.ids().size()).isBetween(20, 199);
    assertThat(before.versions().values()).containsExactly(0);
    assertThat(engine.generate(request(5)).versions().values()).containsExactly(1);
  }

  @Test
  void aProbeThatTheWeightsPassIsFollowedByThem() throws Exception {
    apply(Pause.KEEP, Optional.of(new Probe(prompt(), scores(next), 1e-3)));
    assertThat(engine.weights()).isEqualTo(SECOND);
  }

  /// The engine's own scores of the prompt under the weights of a folder.
  private static Logprobs scores(Path folder) throws Exception {
    try (Engine other = open(folder)) {
      Policy.Request scored = request(1).withScores(new Scores(0, OptionalInt.of(0)));
      float[] all = other.generate(scored).prompt().orElseThrow().logprobs().toArray();
      return Logprobs.of(java.util.Arrays.copyOfRange(all, 1, all.length));
    }
  }

  @Test
  void aProbeThatTheWeightsFailLeavesTheOldVersionServingAndWhatRunsUnharmed() throws Exception {
    Generation undisturbed = engine.generate(request(200));
    float[] wrong = scores(next).toArray();
    for (int i = 0; i < wrong.length; i++) wrong[i] -= 0.5f;
    Future<Generation> running = underWay(200);
    var probe = new Probe(prompt(), Logprobs.of(wrong), Probe.USUAL_TOLERANCE);
    assertThatThrownBy(() -> apply(Pause.KEEP, Optional.of(probe)))
        .isInstanceOf(WeightsRejected.class)
        .hasMessage(
            "the probe's log-probabilities differ from those expected by 0.5000 on average,"
                + " more than 0.05");
    assertThat(engine.weights()).isEqualTo(FIRST);
    Generation generation = running.get(20, TimeUnit.SECONDS);
    assertThat(generation.ids()).isEqualTo(undisturbed.ids());
    assertThat(generation.versions().values()).containsExactly(0);
  }

  @Test
  void aProbeOfIdsThatTheModelDoesNotKnowIsRefusedByName() {
    var probe = new Probe(Tokens.of(1, 97), Logprobs.of(-1f), 1);
    assertThatThrownBy(() -> apply(Pause.KEEP, Optional.of(probe)))
        .isInstanceOf(WeightsRejected.class)
        .hasMessage("the probe's id 97 is not in [0, 97)");
    assertThat(engine.weights()).isEqualTo(FIRST);
  }
}
