package dev.turnstone.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Penalties;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.rollout.WeightsUpdate.Kv;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.upstream.EngineSpec.Kind;
import dev.turnstone.upstream.EngineSpec.WeightsBy;
import dev.turnstone.upstream.UpstreamPolicy.NoEngine;
import dev.turnstone.upstream.routing.Routing;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/// Fake engines and policies in front of them, for one test.
final class TestFleet implements AfterEachCallback {
  static final Tokens PROMPT = Tokens.of(40, 41, 42, 43);
  static final double TEMPERATURE = 0.7;

  private final List<AutoCloseable> owned = new ArrayList<>();

  @Override
  public void afterEach(ExtensionContext context) throws Exception {
    for (AutoCloseable one : owned.reversed()) one.close();
  }

  FakeEngine engine(Kind kind) {
    FakeEngine engine = new FakeEngine(kind);
    owned.add(engine);
    return engine;
  }

  FakeEngine vllm() {
    return engine(Kind.VLLM);
  }

  UpstreamPolicy policy(FakeEngine... engines) throws NoEngine, InterruptedException {
    return policy(WeightsBy.DISK, engines);
  }

  UpstreamPolicy policy(WeightsBy weights, FakeEngine... engines)
      throws NoEngine, InterruptedException {
    return policy(weights, Duration.ofMillis(50), engines);
  }

  UpstreamPolicy policy(WeightsBy weights, Duration watch, FakeEngine... engines)
      throws NoEngine, InterruptedException {
    UpstreamConfig config =
        new UpstreamConfig(
            Arrays.stream(engines).map(engine -> engine.spec(weights)).toList(),
            Routing.STICKY_LEAST_LOADED,
            64,
            64,
            Duration.ofSeconds(30),
            Duration.ofSeconds(30),
            Duration.ofSeconds(60),
            watch);
    UpstreamPolicy policy =
        UpstreamPolicy.open(
            config,
            new TokenSpace(
                FakeModel.VOCABULARY, FakeModel::encode, FakeModel::decode, constraint -> {}));
    owned.add(policy);
    return policy;
  }

  static Request request(int tokens) {
    return request(tokens, new Sampling(TEMPERATURE, 0, 1, 0, OptionalLong.empty()));
  }

  static Request request(int tokens, Sampling sampling) {
    return new Request(PROMPT, sampling, tokens, Set.of(FakeModel.STOP), Duration.ofSeconds(20));
  }

  /// A turn of 10 tokens that no engine can go on with from another's.
  static Request penalised(Penalties penalties) {
    return request(
        10,
        new Sampling(TEMPERATURE, 0, 1, 0, OptionalLong.empty())
            .withPenalties(penalties)
            .withLogprobMode(LogprobMode.SAMPLED));
  }

  /// A turn of 10 tokens that stands still after 4, all of which have arrived.
  static FutureTask<Generation> heard(UpstreamPolicy policy, FakeEngine engine)
      throws InterruptedException {
    engine.hangAfter = 4;
    CountDownLatch arrived = new CountDownLatch(4);
    FutureTask<Generation> turn =
        new FutureTask<>(
            () -> policy.generate(request(10), (id, logprob, version) -> arrived.countDown()));
    Thread.ofVirtual().start(turn);
    arrived.await();
    return turn;
  }

  /// A turn of 10 tokens that stands still after 4.
  static FutureTask<Generation> hanging(UpstreamPolicy policy, FakeEngine engine)
      throws InterruptedException {
    engine.hangAfter = 4;
    FutureTask<Generation> turn = start(policy, 10);
    engine.hanging.await();
    return turn;
  }

  static FutureTask<Generation> start(UpstreamPolicy policy, int tokens) {
    return start(policy, request(tokens));
  }

  static FutureTask<Generation> start(UpstreamPolicy policy, Request request) {
    FutureTask<Generation> turn = new FutureTask<>(() -> policy.generate(request));
    Thread.ofVirtual().start(turn);
    return turn;
  }

  static FutureTask<Boolean> pausing(UpstreamPolicy policy, Pause mode) {
    return new FutureTask<>(() -> {
      policy.pause(mode);
      return true;
    });
  }

  static WeightsUpdate update(int version, Pause pause) {
    return new WeightsUpdate(
        new WeightsId("base", version, "ab".repeat(32)),
        Path.of("/weights/v" + version),
        pause,
        Kv.RECOMPUTE);
  }

  /// How often an engine has read weights.
  static long loads(FakeEngine engine) {
    return engine.control.stream()
        .filter(Set.of("/collective_rpc", "/update_weights_from_disk")::contains)
        .count();
  }

  static void check(Generation generation, int tokens) {
    check(generation, tokens, TEMPERATURE);
  }

  /// Every token must follow from the one before it under the version that it says, and be as
  /// probable as it is at a temperature before anything else changes that.
  static void check(Generation generation, int tokens, double temperature) {
    assertThat(generation.ids().size()).isEqualTo(tokens);
    int previous = PROMPT.last();
    for (int i = 0; i < tokens; i++) {
      int version = generation.versions().get(i);
      int position = PROMPT.size() + i;
      int id = generation.ids().get(i);
      int at = FakeModel.candidates(previous, position, version).indexOf(id);
      assertThat(at).as("token %d is %d of version %d", i, id, version).isNotNegative();
      assertThat((double) generation.logprobs().get(i))
          .as("log-probability of token %d", i)
          .isCloseTo(
              FakeModel.logprobs(previous, position, version, temperature)[at],
              Offset.offset(1e-4));
      previous = id;
    }
  }

  static EngineStatus status(UpstreamPolicy policy, FakeEngine engine) {
    return policy.engines().stream()
        .filter(status -> status.name().equals(engine.spec().name()))
        .findFirst()
        .orElseThrow();
  }

  static void await(BooleanSupplier done) throws InterruptedException {
    CountDownLatch never = new CountDownLatch(1);
    while (!done.getAsBoolean()) assertThat(never.await(10, TimeUnit.MILLISECONDS)).isFalse();
  }
}
