package dev.turnstone.bench;

import dev.turnstone.bench.RoutingTrace.Conversation;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.upstream.routing.Node;
import dev.turnstone.upstream.routing.Router;
import dev.turnstone.upstream.routing.Routing;
import dev.turnstone.upstream.routing.Turn;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.stream.IntStream;

/// Plays a trace on engines of which only the service time and the prefix cache are modelled, with
/// the router that serves: one prompt is computed after the other, decodes run beside each other,
/// and the cache gives up what was used least recently.
final class RoutingSimulation {
  /// What an engine can do.
  ///
  /// @param prefillMicros for each prompt token that is not cached
  /// @param tokenMicros between two generated tokens
  /// @param cacheTokens that its prefix cache holds
  record Machine(double prefillMicros, double tokenMicros, long cacheTokens) {}

  /// What came of it.
  ///
  /// @param prefixHit share of the prompts' tokens that were not computed again
  /// @param worstHit the same on the engine where it is least
  record Outcome(double prefixHit, double worstHit, double meanLatencyMicros) {}

  private final RoutingTrace trace;
  private final Machine machine;
  private final Router router;
  private final Map<Node, Engine> engines = new HashMap<>();
  private final Map<Integer, Tokens> beginnings = new HashMap<>();
  private final PriorityQueue<Event> events =
      new PriorityQueue<>(Comparator.comparingDouble(Event::at));

  private RoutingSimulation(
      RoutingTrace trace, Machine machine, Routing routing, List<String> names) {
    this.trace = trace;
    this.machine = machine;
    router = new Router(routing);
    for (String name : names) {
      Node node = router.add(name, 1e6);
      router.up(node, true);
      engines.put(node, new Engine());
    }
  }

  /// Names of so many engines.
  static List<String> names(int engines) {
    return IntStream.range(0, engines).mapToObj("http://engine-%d:8000"::formatted).toList();
  }

  /// Plays it.
  ///
  /// @param names of the engines, which a hash goes by
  static Outcome play(RoutingTrace trace, Machine machine, Routing routing, List<String> names)
      throws InterruptedException {
    return new RoutingSimulation(trace, machine, routing, names).play();
  }

  private final class Engine {
    final LinkedHashMap<String, Integer> cache = new LinkedHashMap<>(16, 0.75f, true);
    long held;
    double prefillFree;
    long prompted;
    long cached;

    /// When a turn that arrives now has generated its last token.
    double serve(double now, Conversation who, int turn) {
      int prompt = trace.prompt(turn);
      int own = Optional.ofNullable(cache.get(who.name())).orElse(0);
      int shared = Optional.ofNullable(cache.get("group-" + who.group())).orElse(0);
      int hit = Math.min(prompt - 1, shared < trace.first() ? shared : shared + own);
      prompted += prompt;
      cached += hit;
      hold("group-" + who.group(), trace.first());
      hold(who.name(), prompt + trace.generated() - trace.first());
      prefillFree = Math.max(now, prefillFree) + (prompt - hit) * machine.prefillMicros();
      return prefillFree + trace.generated() * machine.tokenMicros();
    }

    private void hold(String name, int tokens) {
      Integer before = cache.put(name, tokens);
      held += tokens - (before == null ? 0 : before);
      while (held > machine.cacheTokens()) {
        Iterator<Map.Entry<String, Integer>> all = cache.entrySet().iterator();
        Map.Entry<String, Integer> oldest = all.next();
        int given = (int) Math.min(oldest.getValue(), held - machine.cacheTokens());
        held -= given;
        // Engines give up the end of a sequence before its beginning.
        if (given == oldest.getValue()) all.remove();
        else oldest.setValue(oldest.getValue() - given);
      }
    }

    double hit() {
      return prompted == 0 ? 1 : (double) cached / prompted;
    }
  }

  private record Event(double at, Conversation who, int turn, Optional<Node> ended) {}

  private Outcome play() throws InterruptedException {
    Queue<Conversation> waiting = trace.queue();
    for (int i = 0; i < trace.agents(); i++) begin(waiting, 0);
    double latency = 0;
    long count = 0;
    while (!events.isEmpty()) {
      Event event = events.poll();
      Conversation who = event.who();
      Turn turn = new Turn(Optional.of(who.name()), beginning(who.group()));
      if (event.ended().isPresent()) {
        router.done(turn, event.ended().get(), trace.prompt(event.turn()) + trace.generated());
        if (event.turn() + 1 < trace.turns()) {
          double next = event.at() + who.gap(event.turn(), trace.gapMicros());
          events.add(new Event(next, who, event.turn() + 1, Optional.empty()));
        } else {
          router.forget(who.name());
          begin(waiting, event.at());
        }
        continue;
      }
      Node node = router.take(turn, Duration.ZERO).orElseThrow();
      double end = engine(node).serve(event.at(), who, event.turn());
      latency += end - event.at();
      count++;
      events.add(new Event(end, who, event.turn(), Optional.of(node)));
    }
    List<Engine> all = new ArrayList<>(engines.values());
    long prompted = all.stream().mapToLong(engine -> engine.prompted).sum();
    long cached = all.stream().mapToLong(engine -> engine.cached).sum();
    double worst = all.stream().mapToDouble(Engine::hit).min().orElse(0);
    return new Outcome((double) cached / prompted, worst, latency / count);
  }

  /// The agent that is free begins the next conversation.
  private void begin(Queue<Conversation> waiting, double now) {
    Optional.ofNullable(waiting.poll())
        .ifPresent(who ->
            events.add(
                new Event(Math.max(now, (double) who.startMicros()), who, 0, Optional.empty())));
  }

  private Tokens beginning(int group) {
    return beginnings.computeIfAbsent(group, trace::beginning);
  }

  private Engine engine(Node node) {
    return Optional.ofNullable(engines.get(node)).orElseThrow();
  }
}
