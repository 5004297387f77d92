package dev.turnstone.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.bench.RoutingSimulation.Machine;
import dev.turnstone.bench.RoutingSimulation.Outcome;
import dev.turnstone.upstream.routing.Routing;
import java.util.List;
import org.junit.jupiter.api.Test;

class RoutingSimulationTest {
  @Test
  void stickyLeastLoadedHitsThePrefixCacheWhereAHashOverloadsAnEngine() throws Exception {
    RoutingTrace trace = RoutingTrace.of(112, 3, 1, 5_000_000, 200_000_000);
    Machine machine = new Machine(50, 10_000, 11L * trace.prompt(trace.turns()));
    List<String> engines = RoutingSimulation.names(8);

    Outcome sticky = RoutingSimulation.play(trace, machine, Routing.STICKY_LEAST_LOADED, engines);
    Outcome hash = RoutingSimulation.play(trace, machine, Routing.CONSISTENT_HASH, engines);
    Outcome robin = RoutingSimulation.play(trace, machine, Routing.ROUND_ROBIN, engines);

    assertThat(sticky.prefixHit()).isGreaterThan(0.95);
    assertThat(hash.worstHit()).isLessThan(0.6);
    assertThat(sticky.meanLatencyMicros()).isLessThan(0.6 * hash.meanLatencyMicros());
    assertThat(hash.meanLatencyMicros()).isLessThan(robin.meanLatencyMicros());
  }
}
