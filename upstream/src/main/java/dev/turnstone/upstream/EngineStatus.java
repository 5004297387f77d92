package dev.turnstone.upstream;

import dev.turnstone.upstream.routing.Router;
import java.util.Optional;

/// What an engine carries and how it is.
///
/// @param why it does not serve; empty if it does
/// @param ejections how often it was taken out
/// @param kvUsage 0 to 1
/// @param prompted prompt tokens since it started
/// @param cached how many of them it had cached
public record EngineStatus(
    String name,
    Optional<String> why,
    Router.Load load,
    long ejections,
    double kvUsage,
    double prompted,
    double cached) {}
