package dev.turnstone.upstream.routing;

/// The ways to choose an engine.
public enum Routing {
  /// A conversation stays where it is; a new one goes where least is, among equals where its prompt
  /// is cached, among those in turn.
  STICKY_LEAST_LOADED {
    @Override
    RoutingPolicy policy() {
      return new StickyLeastLoaded();
    }
  },
  /// A conversation's name decides, whatever the load. For comparison.
  CONSISTENT_HASH {
    @Override
    RoutingPolicy policy() {
      return new ConsistentHash();
    }
  },
  /// One after the other, whatever is cached. For comparison.
  ROUND_ROBIN {
    @Override
    RoutingPolicy policy() {
      return new RoundRobin();
    }
  };

  abstract RoutingPolicy policy();
}
