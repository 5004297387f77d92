package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PauseTest {
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final CountDownLatch underWay = new CountDownLatch(20);
  private Engine engine;

  @BeforeEach
  void load(@TempDir Path folder) throws Exception {
    Path model = RandomModel.write(folder.resolve("model"), 1);
    engine = Engine.load(model, new WeightsId("test", 0, "00"), EngineConfig.DEFAULT);
  }

  @AfterEach
  void everyBlockIsAccountedFor() throws InterruptedException {
    engine.checkIntegrity();
    engine.close();
    threads.close();
  }

  private static Policy.Request request(int maxTokens) {
    Tokens prompt = Tokens.of(IntStream.range(0, 40).toArray());
    Sampling sampling = Sampling.FULL.withSeed(7);
    return new Policy.Request(prompt, sampling, maxTokens, Set.of(), Duration.ofMinutes(1));
  }

  private Future<Generation> generate(int maxTokens) {
    return threads.submit(
        () -> engine.generate(request(maxTokens), (id, logprob, version) -> underWay.countDown()));
  }

  private Future<Generation> underWay() throws InterruptedException {
    Future<Generation> generation = generate(80);
    assertThat(underWay.await(20, TimeUnit.SECONDS)).isTrue();
    return generation;
  }

  @Test
  void whatStandsStillGoesOnAsIfNothingHadBeen() throws Exception {
    Generation undisturbed = engine.generate(request(80));
    Future<Generation> generation = underWay();
    engine.pause(Pause.KEEP);
    assertThat(engine.paused()).isTrue();
    long steps = engine.stats().steps();
    Future<Generation> later = generate(5);
    assertThat(engine.forgetPrefixes(false)).isFalse();
    assertThat(engine.forgetPrefixes(true)).isTrue();
    assertThat(engine.stats().steps()).isEqualTo(steps);
    assertThat(generation.isDone() || later.isDone()).isFalse();
    engine.resume();
    assertThat(engine.paused()).isFalse();
    assertThat(generation.get().ids()).isEqualTo(undisturbed.ids());
    assertThat(later.get().ids().size()).isEqualTo(5);
  }

  @Test
  void anAbortingPauseGivesBackWhatThereIsAndLetsNobodyIn() throws Exception {
    Future<Generation> generation = underWay();
    engine.pause(Pause.ABORT);
    assertThat(generation.get().finish()).isEqualTo(FinishReason.ABORT);
    assertThat(generation.get().ids().size()).isBetween(20, 80);
    Future<Generation> later = generate(5);
    assertThat(engine.forgetPrefixes(false)).isTrue();
    assertThat(later.isDone()).isFalse();
    engine.resume();
    assertThat(later.get().finish()).isEqualTo(FinishReason.LENGTH);
  }

  @Test
  void aWaitingPauseReturnsWhenWhatRunsHasEnded() throws Exception {
    Future<Generation> generation = underWay();
    engine.pause(Pause.WAIT);
    assertThat(generation.get(10, TimeUnit.SECONDS).ids().size()).isEqualTo(80);
    Future<Generation> later = generate(5);
    assertThat(engine.forgetPrefixes(false)).isTrue();
    engine.resume();
    assertThat(later.get().ids().size()).isEqualTo(5);
  }
}
