package dev.turnstone.bench;

import dev.turnstone.bench.RoutingSimulation.Machine;
import dev.turnstone.bench.RoutingSimulation.Outcome;
import dev.turnstone.bench.RoutingTrace.Conversation;
import dev.turnstone.bench.stub.StubOptions;
import dev.turnstone.bench.stub.StubProcess;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.upstream.EngineSpec;
import dev.turnstone.upstream.EngineStatus;
import dev.turnstone.upstream.TokenSpace;
import dev.turnstone.upstream.UpstreamConfig;
import dev.turnstone.upstream.UpstreamPolicy;
import dev.turnstone.upstream.routing.Routing;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;

/// Plays a trace on stub engines in processes of their own, over their wire.
final class RoutingOnStubs {
  private static final int VOCABULARY = 512;

  private final RoutingTrace trace;
  private final List<StubProcess> stubs;

  private RoutingOnStubs(RoutingTrace trace, List<StubProcess> stubs) {
    this.trace = trace;
    this.stubs = stubs;
  }

  /// Under every routing, one after the other.
  ///
  /// @param names takes the engines' names, which a hash goes by
  static Map<Routing, Outcome> play(
      RoutingTrace trace, Machine machine, int engines, List<String> names) throws Exception {
    StubOptions options =
        StubOptions.FAST
            .withTokens(trace.generated(), (int) machine.tokenMicros())
            .withEngine((int) machine.prefillMicros(), 1024, machine.cacheTokens());
    List<StubProcess> stubs = StubProcess.start(options, engines);
    stubs.forEach(stub -> names.add(stub.url()));
    try {
      // Code that is not compiled yet would be the first routing's latency.
      new RoutingOnStubs(trace.warmUp(), stubs).play(Routing.ROUND_ROBIN);
      RoutingOnStubs players = new RoutingOnStubs(trace, stubs);
      Map<Routing, Outcome> all = new EnumMap<>(Routing.class);
      for (Routing routing : Routing.values()) all.put(routing, players.play(routing));
      return all;
    } finally {
      for (StubProcess stub : stubs) stub.close();
    }
  }

  private Outcome play(Routing routing) throws Exception {
    for (StubProcess stub : stubs) stub.forget();
    List<EngineSpec> specs =
        stubs.stream().map(stub -> EngineSpec.parse("vllm=" + stub.url())).toList();
    UpstreamConfig usual = UpstreamConfig.of(specs);
    UpstreamConfig config =
        new UpstreamConfig(
            specs,
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
      Map<String, EngineStatus> before = byName(policy);
      Queue<Conversation> queue = trace.queue();
      List<Future<Long>> all = new ArrayList<>();
      for (int i = 0; i < trace.agents(); i++) all.add(agents.submit(() -> agent(queue, policy)));
      long nanos = 0;
      for (Future<Long> one : all) nanos += one.get();
      TimeUnit.MILLISECONDS.sleep(1500); // one more look at the engines' figures
      return outcome(before, policy, nanos / 1000.0 / trace.turns() / trace.conversations().size());
    }
  }

  private static Map<String, EngineStatus> byName(UpstreamPolicy policy) {
    return policy.engines().stream()
        .collect(Collectors.toMap(EngineStatus::name, Function.identity()));
  }

  static Tokens encode(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int[] ids = new int[bytes.length];
    for (int i = 0; i < ids.length; i++) ids[i] = bytes[i] & 0xff;
    return Tokens.of(ids);
  }

  /// The nanoseconds that an agent waited for its turns.
  private long agent(Queue<Conversation> queue, UpstreamPolicy policy) throws Exception {
    long waited = 0;
    Optional<Conversation> next = Optional.ofNullable(queue.poll());
    while (next.isPresent()) {
      waited += converse(next.get(), policy);
      next = Optional.ofNullable(queue.poll());
    }
    return waited;
  }

  private long converse(Conversation who, UpstreamPolicy policy) throws Exception {
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

  private static Outcome outcome(
      Map<String, EngineStatus> before, UpstreamPolicy policy, double latency) {
    double prompted = 0;
    double cached = 0;
    double worst = 1;
    for (EngineStatus engine : policy.engines()) {
      EngineStatus then = Optional.ofNullable(before.get(engine.name())).orElseThrow();
      double asked = engine.prompted() - then.prompted();
      double hit = engine.cached() - then.cached();
      prompted += asked;
      cached += hit;
      if (asked > 0) worst = Math.min(worst, hit / asked);
    }
    return new Outcome(cached / Math.max(1, prompted), worst, latency);
  }
}
