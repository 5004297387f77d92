package dev.turnstone.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.bench.RoutingSimulation.Machine;
import dev.turnstone.bench.RoutingSimulation.Outcome;
import dev.turnstone.bench.stub.StubOptions;
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

  /// Conversations for each engine: its cache holds a few more of the largest, so that a fair share
  /// fits and what a hash sends to the fullest engine does not.
  private static final int EACH = 8;

  private static final int SCALE = 16;
  private static final int STUBS = 8;
  private static final int CACHED = 11;

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
    Map<Routing, Outcome> eight = Map.of();
    ObjectNode sizes = figures.putObject("simulated");
    for (int engines : List.of(8, 64, 512)) {
      Map<Routing, Outcome> outcomes = simulate(engines);
      write(sizes.putObject(Integer.toString(engines)), outcomes);
      if (engines == 8) eight = outcomes;
    }
    Outcome sticky = of(eight, Routing.STICKY_LEAST_LOADED);
    Outcome hash = of(eight, Routing.CONSISTENT_HASH);
    figures.put("order_simulated", order(eight));
    if (arguments.isEmpty()) {
      Map<Routing, Outcome> played = play();
      write(figures.putObject("played"), played);
      figures.put("order_played", order(played));
      figures.put("same_order", order(played).equals(order(eight)));
      figures.put(
          "played_latency_vs_consistent_hash",
          round(
              of(played, Routing.STICKY_LEAST_LOADED).meanLatencyMicros()
                  / of(played, Routing.CONSISTENT_HASH).meanLatencyMicros()));
    }
    figures.put("prefix_hit", round(sticky.prefixHit()));
    figures.put("prefix_hit_consistent_hash_worst_engine", round(hash.worstHit()));
    figures.put(
        "mean_latency_vs_consistent_hash",
        round(sticky.meanLatencyMicros() / hash.meanLatencyMicros()));
    decision(512); // until it is compiled
    return figures.put("decision_us_512", round(decision(512)));
  }

  private static Outcome of(Map<Routing, Outcome> outcomes, Routing routing) {
    return Optional.ofNullable(outcomes.get(routing)).orElseThrow();
  }

  /// An engine that computes 20,000 prompt tokens a second, generates one every 10 ms, and caches
  /// eleven of the largest contexts.
  private static Map<Routing, Outcome> simulate(int engines) throws InterruptedException {
    RoutingTrace trace = RoutingTrace.of(EACH * engines, 1, 5_000_000, 30_000_000);
    Machine machine = new Machine(50, 10_000, (long) CACHED * trace.prompt(trace.turns()));
    Map<Routing, Outcome> all = new EnumMap<>(Routing.class);
    for (Routing routing : Routing.values())
      all.put(routing, RoutingSimulation.play(trace, machine, routing, engines));
    return all;
  }

  /// The same with a sixteenth of the tokens, a hundred times as fast.
  private static Map<Routing, Outcome> play() throws Exception {
    RoutingTrace trace = RoutingTrace.of(EACH * STUBS, SCALE, 50_000, 300_000);
    StubOptions options =
        StubOptions.FAST
            .withTokens(trace.generated(), 1600)
            .withEngine(8, 1024, (long) CACHED * trace.prompt(trace.turns()));
    Map<Routing, Outcome> all = new EnumMap<>(Routing.class);
    for (Routing routing : Routing.values())
      all.put(routing, RoutingOnStubs.play(trace, options, routing, STUBS));
    return all;
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
    RoutingTrace trace = RoutingTrace.of(20_000, 1, 1, 1);
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
