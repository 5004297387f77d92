package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.Engine;
import dev.turnstone.engine.EngineStats;
import dev.turnstone.engine.Retention;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// 64 rollouts of 10 turns whose tools answer after a log-normal time from 0.2 to 5 s, with KV
/// memory for a third of them: seconds until the last has ended, by what becomes of a
/// conversation's blocks while its tool runs, and the same over HTTP beside llama.cpp's server.
///
/// A turn generates 24 tokens and observes 40.
final class TraceFigure implements Figure {
  private static final int ROLLOUTS = 64;
  private static final int TURNS = 10;
  private static final int PROMPT = 256;
  private static final int GENERATED = 24;
  private static final int OBSERVED = 40;
  private static final int LENGTH = PROMPT + TURNS * (GENERATED + OBSERVED);
  private static final long THIRD = ROLLOUTS * (long) LENGTH / 3;

  /// Who generates the turns of rollouts.
  private interface Turns {
    /// One turn: its prompt in, what was generated out.
    int[] generate(String rollout, Tokens prompt, long seed) throws Exception;

    /// A rollout has no more turns.
    default void end(String rollout) {}
  }

  /// An engine in this process, which is told of a rollout's end as it is by the agent loop.
  private record Embedded(Engine engine) implements Turns {
    @Override
    public int[] generate(String rollout, Tokens prompt, long seed) throws Exception {
      var sampling = Sampling.FULL.withSeed(seed);
      var patience = Duration.ofMinutes(10);
      var request = new Policy.Request(prompt, sampling, GENERATED, Set.of(), patience);
      return engine.generate(request.withConversation(rollout)).ids().toArray();
    }

    @Override
    public void end(String rollout) {
      engine.forget(rollout);
    }
  }

  @Override
  public String name() {
    return "trace";
  }

  @Override
  public void measure(Subject subject, ObjectNode into) throws Exception {
    if (subject.config().contextLength() < LENGTH)
      throw new IllegalArgumentException(
          "the trace needs a context of %d tokens; leave it out by --figures".formatted(LENGTH));
    into.put("rollouts", ROLLOUTS).put("turns", TURNS).put("kv_tokens", THIRD);
    double never = embedded(subject, Retention.NEVER, into);
    double always = embedded(subject, Retention.ALWAYS, into);
    double adaptive = embedded(subject, Retention.ADAPTIVE, into);
    into.put("ratio_always_to_never", Figure.rounded(never / always));
    into.put("ratio_adaptive_to_never", Figure.rounded(never / adaptive));
    if (subject.options().llamaServer().isEmpty()) return;
    double ours;
    try (EngineServer server = EngineServer.turnstone(subject, THIRD)) {
      ours = overHttp(subject, server);
    }
    into.put("http_s", Figure.rounded(ours));
    System.err.println("trace " + into);
    // As many slots as conversations fit, each of which holds one of full length.
    int slots = (int) (THIRD / LENGTH);
    double theirs;
    try (EngineServer server =
        EngineServer.llama(
            subject, subject.options().llamaServer().get(), slots, slots * (LENGTH + 8L))) {
      theirs = overHttp(subject, server);
    }
    into.put("llama_server_s", Figure.rounded(theirs));
    into.put("ratio_to_llama_server", Figure.rounded(theirs / ours));
  }

  private static double embedded(Subject subject, Retention retention, ObjectNode into)
      throws Exception {
    try (Engine engine = subject.openExactly(THIRD, retention)) {
      EngineStats before = engine.stats();
      double seconds = play(subject, new Embedded(engine));
      EngineStats after = engine.stats();
      ObjectNode one = into.putObject(retention.name().toLowerCase(java.util.Locale.ROOT));
      one.put("seconds", Figure.rounded(seconds));
      one.put("prompt_tokens", after.promptTokens() - before.promptTokens());
      one.put("cached_tokens", after.cachedTokens() - before.cachedTokens());
      one.put("preemptions", after.preemptions() - before.preemptions());
      double runnable = after.times().runnable() - before.times().runnable();
      double busy = after.times().busy() - before.times().busy();
      one.put("idle_share", Figure.rounded(1 - busy / runnable));
      System.err.println("trace " + into);
      return seconds;
    }
  }

  private static double overHttp(Subject subject, EngineServer server) throws Exception {
    var client = new CompletionClient(server);
    client.complete(subject.prompt(PROMPT, -1), GENERATED, 1);
    return play(
        subject, (_, prompt, seed) -> client.complete(prompt, GENERATED, seed).ids().toArray());
  }

  private static double play(Subject subject, Turns turns) throws Exception {
    long started = System.nanoTime();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> rollouts = new ArrayList<>();
      for (int i = 0; i < ROLLOUTS; i++) {
        int index = i;
        rollouts.add(
            threads.submit(() -> {
              rollOut(subject, turns, index);
              return index;
            }));
      }
      for (Future<?> rollout : rollouts) rollout.get();
    }
    return (System.nanoTime() - started) / 1e9;
  }

  private static void rollOut(Subject subject, Turns turns, int index) throws Exception {
    var random = new Random(index);
    String rollout = "rollout " + index;
    Tokens held = subject.prompt(PROMPT, 7_000L + index);
    for (int i = 0; i < TURNS; i++) {
      int[] ids = turns.generate(rollout, held, 100L * index + i);
      if (ids.length != GENERATED)
        throw new IllegalStateException("a turn has %d ids".formatted(ids.length));
      held = held.plus(Tokens.of(ids)).plus(subject.prompt(OBSERVED, 900L * index + i));
      if (i < TURNS - 1) Thread.sleep(toolTime(random));
    }
    turns.end(rollout);
  }

  /// Milliseconds; the middle is 1 s.
  private static long toolTime(Random random) {
    return (long) (1000 * Math.clamp(Math.exp(0.8 * random.nextGaussian()), 0.2, 5));
  }
}
