package dev.turnstone.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.bench.RoutingSimulation.Machine;
import dev.turnstone.bench.RoutingSimulation.Outcome;
import dev.turnstone.upstream.routing.Node;
import dev.turnstone.upstream.routing.Router;
import dev.turnstone.upstream.routing.Routing;
import dev.turnstone.upstream.routing.Turn;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// What routing is worth: the same trace under every way to choose an engine, simulated for 8 to
/// 512 engines and played on 8 real stub engines; and what a decision costs.
final class RoutingLoad implements Benchmark {
  private static final ObjectMapper JSON = new ObjectMapper();

  /// Agents for each engine, and how many of the largest contexts its cache holds. Contexts are
  /// half as large on average, so the caches are used to two thirds: a fair share fits, and what a
  /// hash sends to the fullest engine does not.
  private static final int EACH = 14;

  private static final int CACHED = 11;
  private static final int ROUNDS = 3;
  private static final long GAP = 5_000_000;
  private static final long SPREAD = 200_000_000;

  /// An engine computes 20,000 prompt tokens a second and generates one every 10 ms.
  private static final double PREFILL = 50;

  private static final double TOKEN = 10_000;

  /// On stubs: engines, and by how much the trace has fewer tokens and takes less time.
  private static final int STUBS = 8;

  private static final int PLAYED_ROUNDS = 2;
  private static final long PLAYED_SPREAD = 60_000_000;
  private static final int SMALLER = 64;
  private static final int FASTER = 50;

  @Override
  public String name() {
    return "routing";
  }

  @Override
  public String summary() {
    return "[simulate]: ways to choose an engine, simulated and on 8 stub engines; cost of a"
        + " decision";
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    if (arguments.size() > 1 || !List.of("simulate").containsAll(arguments))
      throw new IllegalArgumentException("arguments are " + summary());
    ObjectNode figures = JSON.createObjectNode();
    ObjectNode sizes = figures.putObject("simulated");
    double hit = 1;
    double worstHit = 1;
    double latency = 0;
    for (int engines : List.of(8, 64, 512)) {
      Map<Routing, Outcome> outcomes = simulate(engines);
      write(sizes.putObject(Integer.toString(engines)), outcomes);
      hit = Math.min(hit, of(outcomes, Routing.STICKY_LEAST_LOADED).prefixHit());
      worstHit = Math.min(worstHit, of(outcomes, Routing.CONSISTENT_HASH).worstHit());
      latency = Math.max(latency, latency(outcomes));
    }
    if (arguments.isEmpty()) playAndCompare(figures);
    figures.put("prefix_hit", round(hit));
    figures.put("prefix_hit_consistent_hash_worst_engine", round(worstHit));
    figures.put("mean_latency_vs_consistent_hash", round(latency));
    decision(512); // until it is compiled
    return figures.put("decision_us_512", round(decision(512)));
  }

  private static Outcome of(Map<Routing, Outcome> outcomes, Routing routing) {
    return Optional.ofNullable(outcomes.get(routing)).orElseThrow();
  }

  /// Mean latency of our routing as a share of consistent hash's.
  private static double latency(Map<Routing, Outcome> outcomes) {
    return of(outcomes, Routing.STICKY_LEAST_LOADED).meanLatencyMicros()
        / of(outcomes, Routing.CONSISTENT_HASH).meanLatencyMicros();
  }

  private static Map<Routing, Outcome> simulate(int engines) throws InterruptedException {
    RoutingTrace trace = RoutingTrace.of(EACH * engines, ROUNDS, 1, GAP, SPREAD);
    return simulate(
        trace, new Machine(PREFILL, TOKEN, cache(trace)), RoutingSimulation.names(engines));
  }

  private static Map<Routing, Outcome> simulate(
      RoutingTrace trace, Machine machine, List<String> names) throws InterruptedException {
    Map<Routing, Outcome> all = new EnumMap<>(Routing.class);
    for (Routing routing : Routing.values())
      all.put(routing, RoutingSimulation.play(trace, machine, routing, names));
    return all;
  }

  private static long cache(RoutingTrace trace) {
    return (long) CACHED * trace.prompt(trace.turns());
  }

  /// The same trace, smaller and faster, simulated and on engines that are processes.
  private static void playAndCompare(ObjectNode figures) throws Exception {
    RoutingTrace trace =
        RoutingTrace.of(EACH * STUBS, PLAYED_ROUNDS, SMALLER, GAP / FASTER, PLAYED_SPREAD / FASTER);
    Machine machine =
        new Machine(PREFILL * SMALLER / FASTER, TOKEN * SMALLER / FASTER, cache(trace));
    List<String> names = new ArrayList<>();
    Map<Routing, Outcome> played = RoutingOnStubs.play(trace, machine, STUBS, names);
    Map<Routing, Outcome> simulated = simulate(trace, machine, names);
    write(figures.putObject("simulated_as_played"), simulated);
    write(figures.putObject("played"), played);
    figures.put("order_simulated", order(simulated)).put("order_played", order(played));
    figures.put("same_order", order(played).equals(order(simulated)));
    figures.put("simulated_latency_vs_consistent_hash", round(latency(simulated)));
    figures.put("played_latency_vs_consistent_hash", round(latency(played)));
  }

  private static void write(ObjectNode node, Map<Routing, Outcome> outcomes) {
    outcomes.forEach((routing, outcome) ->
        node.putObject(routing.name().toLowerCase(Locale.ROOT))
            .put("prefix_hit", round(outcome.prefixHit()))
            .put("worst_engine_hit", round(outcome.worstHit()))
            .put("mean_latency_ms", round(outcome.meanLatencyMicros() / 1000)));
  }

  /// From the shortest mean latency to the longest.
  private static String order(Map<Routing, Outcome> outcomes) {
    List<Map.Entry<Routing, Outcome>> sorted = new ArrayList<>(outcomes.entrySet());
    sorted.sort(Comparator.comparingDouble(one -> one.getValue().meanLatencyMicros()));
    List<String> names = sorted.stream().map(one -> one.getKey().name()).toList();
    return String.join(" < ", names).toLowerCase(Locale.ROOT);
  }

  /// The mean microseconds of a decision, half of them for new conversations.
  private static double decision(int engines) throws InterruptedException {
    Router router = new Router(Routing.STICKY_LEAST_LOADED);
    for (int i = 0; i < engines; i++) router.up(router.add("engine-" + i, 1e6), true);
    RoutingTrace trace = RoutingTrace.of(20_000, 1, 1, 1, 1);
    long[] nanos = new long[2 * 20_000];
    for (int i = 0; i < nanos.length; i++) {
      RoutingTrace.Conversation who = trace.conversations().get(i / 2);
      Turn turn = new Turn(Optional.of(who.name()), trace.beginning(who.group()));
      long started = System.nanoTime();
      Node node = router.take(turn, Duration.ZERO).orElseThrow();
      nanos[i] = System.nanoTime() - started;
      router.done(turn, node, 10_000);
    }
    long[] warm = Arrays.copyOfRange(nanos, nanos.length / 2, nanos.length);
    Arrays.sort(warm);
    return Arrays.stream(warm).average().orElseThrow() / 1000;
  }

  private static double round(double value) {
    return Math.round(value * 1000) / 1000.0;
  }
}
