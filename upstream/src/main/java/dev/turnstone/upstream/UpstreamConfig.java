package dev.turnstone.upstream;

import dev.turnstone.upstream.routing.Routing;
import java.time.Duration;
import java.util.List;

/// What an operator decides about the engines of a policy.
///
/// @param firstConcurrency turns that an engine may have before anything is known of it
/// @param maxConcurrency turns that an engine may ever have
/// @param startWait how long the start waits for a first engine
/// @param engineWait how long a turn waits while no engine is up
/// @param stall after which an engine that streams nothing any more has lost the turn
/// @param watch how often engines are asked how they are
public record UpstreamConfig(
    List<EngineSpec> engines,
    Routing routing,
    double firstConcurrency,
    double maxConcurrency,
    Duration startWait,
    Duration engineWait,
    Duration stall,
    Duration watch) {
  public UpstreamConfig {
    engines = List.copyOf(engines);
    if (engines.isEmpty()) throw new IllegalArgumentException("policy.engines is empty");
  }

  public static UpstreamConfig of(List<EngineSpec> engines) {
    return new UpstreamConfig(
        engines,
        Routing.STICKY_LEAST_LOADED,
        64,
        1024,
        Duration.ofSeconds(30),
        Duration.ofSeconds(60),
        Duration.ofSeconds(300),
        Duration.ofSeconds(1));
  }
}
