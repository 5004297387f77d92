package dev.turnstone.bench;

import dev.turnstone.bench.RoutingSimulation.Outcome;
import dev.turnstone.bench.RoutingTrace.Conversation;
import dev.turnstone.bench.stub.StubOptions;
import dev.turnstone.bench.stub.StubProcess;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.upstream.EngineSpec;
import dev.turnstone.upstream.TokenSpace;
import dev.turnstone.upstream.UpstreamConfig;
import dev.turnstone.upstream.UpstreamPolicy;
import dev.turnstone.upstream.UpstreamPolicy.EngineStatus;
import dev.turnstone.upstream.routing.Routing;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/// Plays a trace on stub engines in processes of their own, over their wire.
final class RoutingOnStubs {
  private static final int VOCABULARY = 512;

  private RoutingOnStubs() {}

  static Outcome play(RoutingTrace trace, StubOptions options, Routing routing, int engines)
      throws Exception {
    List<StubProcess> stubs = new ArrayList<>();
    try {
      for (int i = 0; i < engines; i++) stubs.add(StubProcess.start(options));
      UpstreamConfig usual =
          UpstreamConfig.of(
              stubs.stream().map(stub -> EngineSpec.parse("vllm=" + stub.url())).toList());
      UpstreamConfig config =
          new UpstreamConfig(
              usual.engines(),
              routing,
              1024,
              1024,
              usual.startWait(),
              usual.engineWait(),
              usual.stall(),
              Duration.ofSeconds(1));
      try (UpstreamPolicy policy =
              UpstreamPolicy.open(config, new TokenSpace(VOCABULARY, RoutingOnStubs::encode));
          ExecutorService agents = Executors.newVirtualThreadPerTaskExecutor()) {
        List<Callable<Long>> all = new ArrayList<>();
        for (Conversation who : trace.conversations()) all.add(() -> agent(trace, who, policy));
        long nanos = 0;
        for (Future<Long> one : agents.invokeAll(all)) nanos += one.get();
        TimeUnit.MILLISECONDS.sleep(1500); // one more look at the engines' figures
        return outcome(policy, nanos / 1000.0 / trace.turns() / all.size());
      }
    } finally {
      for (StubProcess stub : stubs) stub.close();
    }
  }

  static Tokens encode(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int[] ids = new int[bytes.length];
    for (int i = 0; i < ids.length; i++) ids[i] = bytes[i] & 0xff;
    return Tokens.of(ids);
  }

  /// The nanoseconds that an agent waited for its turns.
  private static long agent(RoutingTrace trace, Conversation who, UpstreamPolicy policy)
      throws Exception {
    TimeUnit.MICROSECONDS.sleep(who.startMicros());
    SplittableRandom random = new SplittableRandom(who.seed());
    Tokens held = trace.beginning(who.group());
    long waited = 0;
    for (int turn = 0; turn < trace.turns(); turn++) {
      Request request =
          new Request(held, Sampling.FULL, trace.generated(), Set.of(0), Duration.ofMinutes(5))
              .withConversation(who.name());
      long started = System.nanoTime();
      Generation generation = policy.generate(request);
      waited += System.nanoTime() - started;
      held =
          held.plus(generation.ids())
              .plus(Tokens.of(random.ints(trace.observed(), 33, 127).toArray()));
      TimeUnit.MICROSECONDS.sleep(who.gap(turn, trace.gapMicros()));
    }
    policy.forget(who.name());
    return waited;
  }

  private static Outcome outcome(UpstreamPolicy policy, double latency) {
    double prompted = 0;
    double cached = 0;
    double worst = 1;
    for (EngineStatus engine : policy.engines()) {
      prompted += engine.prompted();
      cached += engine.cached();
      if (engine.prompted() > 0) worst = Math.min(worst, engine.cached() / engine.prompted());
    }
    return new Outcome(cached / Math.max(1, prompted), worst, latency);
  }
}
