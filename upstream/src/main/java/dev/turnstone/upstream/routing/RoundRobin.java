package dev.turnstone.upstream.routing;

import java.util.List;
import java.util.Optional;

/// The next engine that takes anything.
final class RoundRobin implements RoutingPolicy {
  private int next;

  @Override
  public Optional<Node> choose(Turn turn, Optional<Node> last, List<Node> nodes) {
    for (int i = 0; i < nodes.size(); i++) {
      Node node = nodes.get((next + i) % nodes.size());
      if (!node.free()) continue;
      next = (node.index + 1) % nodes.size();
      return Optional.of(node);
    }
    return Optional.empty();
  }
}
