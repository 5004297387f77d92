package dev.turnstone.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.bench.stub.StubModel;
import dev.turnstone.bench.stub.StubOptions;
import dev.turnstone.bench.stub.StubProcess;
import dev.turnstone.rollout.Rollout;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.RolloutLimits;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.StopReason.Use;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.rollout.WeightsUpdate.Kv;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.upstream.EngineSpec;
import dev.turnstone.upstream.EngineStatus;
import dev.turnstone.upstream.TokenSpace;
import dev.turnstone.upstream.UpstreamConfig;
import dev.turnstone.upstream.UpstreamPolicy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/// Rollouts of many turns while one of four engines is killed with -9 again and again, and weights
/// change: each must end as its policy made it end, and every token must be one that the weights of
/// its version give at its place.
final class EngineChaos implements Benchmark {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int ENGINES = 4;
  private static final int AGENTS = 48;
  private static final int TOKENS = 60;
  private static final StubModel MODEL = new StubModel(33, 127);

  private final AtomicBoolean over = new AtomicBoolean();
  private final AtomicInteger started = new AtomicInteger();
  private final Queue<Trajectory> ended = new ConcurrentLinkedQueue<>();
  private int kills;
  private int updates;

  @Override
  public String name() {
    return "engine-chaos";
  }

  @Override
  public String summary() {
    return "[SECONDS [EVERY_S]]: rollouts while one of 4 engines is killed every 10 s; 300 s";
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    if (arguments.size() > 2) throw new IllegalArgumentException("arguments are " + summary());
    int seconds = number(arguments, 0, 300);
    int every = number(arguments, 1, 10);
    over.set(false);
    StubOptions options = StubOptions.FAST.withTokens(TOKENS, 5000);
    List<StubProcess> stubs = new ArrayList<>();
    for (int i = 0; i < ENGINES; i++) stubs.add(StubProcess.start(options));
    List<EngineSpec> specs = new ArrayList<>();
    for (int i = 0; i < ENGINES; i++)
      specs.add(EngineSpec.parse((i % 2 == 0 ? "vllm=" : "sglang=") + stubs.get(i).url()));
    try (UpstreamPolicy policy =
        UpstreamPolicy.open(
            UpstreamConfig.of(specs), new TokenSpace(512, RoutingOnStubs::encode))) {
      List<Thread> agents = new ArrayList<>();
      for (int i = 0; i < AGENTS; i++) {
        int agent = i;
        agents.add(Thread.ofVirtual().name("agent " + i).start(() -> play(policy, agent)));
      }
      disturb(policy, stubs, options, seconds, every);
      over.set(true);
      for (Thread agent : agents) agent.join();
      return figures(policy);
    } finally {
      for (StubProcess stub : stubs) stub.close();
    }
  }

  private static int number(List<String> arguments, int index, int usual) {
    if (index >= arguments.size()) return usual;
    String text = arguments.get(index);
    if (!text.matches("[1-9]\\d{0,5}"))
      throw new IllegalArgumentException("not a number of seconds: " + text);
    return Integer.parseInt(text);
  }

  /// Rollouts one after the other, to the end.
  private void play(UpstreamPolicy policy, int agent) {
    StubAgent stub = new StubAgent();
    for (int i = 0; !over.get(); i++) {
      started.incrementAndGet();
      RolloutId id = new RolloutId("chaos", "agent-" + agent, i, 0);
      ended.add(
          new Rollout(
                  id,
                  StubAgent.TASK,
                  stub,
                  new Rollout.Agent(policy, stub, stub),
                  Sampling.FULL,
                  new RolloutLimits(8, 4096, 1 << 16, 1 << 17, Duration.ofMinutes(5), 3),
                  System::nanoTime)
              .run());
    }
  }

  private void disturb(
      UpstreamPolicy policy, List<StubProcess> stubs, StubOptions options, int seconds, int every)
      throws Exception {
    long round = TimeUnit.SECONDS.toNanos(every);
    long start = System.nanoTime();
    long end = start + TimeUnit.SECONDS.toNanos(seconds);
    for (; start + round - end <= 0; start += round) {
      sleepUntil(start + round / 2);
      int victim = kills++ % ENGINES;
      stubs.get(victim).kill();
      sleepUntil(start + 3 * round / 4);
      stubs.set(victim, StubProcess.start(options.withPort(stubs.get(victim).port())));
      sleepUntil(start + round);
      int version = ++updates;
      policy.apply(
          new WeightsUpdate(
              new WeightsId("base", version, "%064x".formatted(version)),
              Path.of("/weights/v" + version),
              Pause.KEEP,
              Kv.RECOMPUTE));
    }
  }

  private static void sleepUntil(long nanos) throws InterruptedException {
    TimeUnit.NANOSECONDS.sleep(nanos - System.nanoTime());
  }

  private ObjectNode figures(UpstreamPolicy policy) {
    TreeMap<String, Integer> reasons = new TreeMap<>();
    int wrong = 0;
    int notPolicyMade = 0;
    long tokens = 0;
    long mixed = 0;
    for (Trajectory trajectory : ended) {
      reasons.merge(trajectory.stop().wire(), 1, Integer::sum);
      if (trajectory.stop().use() == Use.DROP) {
        notPolicyMade++;
        System.err.println(trajectory.stop() + ": " + trajectory.detail());
      }
      for (Row row : trajectory.rows()) {
        wrong += wrong(row);
        tokens += row.mask().cardinality();
        if (row.versions().values().stream().filter(v -> v >= 0).distinct().count() > 1) mixed++;
      }
    }
    ObjectNode figures = JSON.createObjectNode();
    figures.put("kills", kills).put("updates", updates);
    figures.put("rollouts", ended.size()).put("lost", started.get() - ended.size());
    figures.putPOJO("reasons", reasons);
    figures.put("not_policy_made", notPolicyMade).put("sampled_tokens", tokens);
    figures.put("rows_over_several_versions", mixed).put("wrong_tokens", wrong);
    return figures.put(
        "ejections", policy.engines().stream().mapToLong(EngineStatus::ejections).sum());
  }

  /// Tokens that the weights of their version do not give at their place.
  private static int wrong(Row row) {
    int wrong = 0;
    for (int i = 0; i < row.ids().size(); i++) {
      int version = row.versions().get(i);
      if (version == Row.NOT_SAMPLED) continue;
      int id = row.ids().get(i);
      if (id == StubAgent.STOP) continue; // the stub ends a turn whatever its model says
      String why = MODEL.objection(row.ids().get(i - 1), i, version, 1, id, row.logprobs().get(i));
      if (why.isEmpty()) continue;
      if (wrong++ == 0) System.err.println("wrong token: " + why);
    }
    return wrong;
  }
}
