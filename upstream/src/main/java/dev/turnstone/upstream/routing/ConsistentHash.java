package dev.turnstone.upstream.routing;

import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/// The engine that follows the conversation's hash on a ring; it waits if that engine is full. A
/// turn of no conversation is hashed by its prompt.
final class ConsistentHash implements RoutingPolicy {
  private static final int POINTS = 128;

  private final TreeMap<Long, Node> ring = new TreeMap<>();

  @Override
  public void added(Node node) {
    for (int point = 0; point < POINTS; point++) ring.put(hash(node.name() + "#" + point), node);
  }

  @Override
  public void removed(Node node) {
    ring.values().removeIf(node::equals);
  }

  @Override
  public Optional<Node> choose(Turn turn, Optional<Node> last, List<Node> nodes) {
    long key =
        turn.conversation()
            .map(ConsistentHash::hash)
            .orElseGet(() -> PrefixIndex.mix(turn.prompt().hashCode()));
    for (Node node : ring.tailMap(key, true).values()) if (node.up) return free(node);
    for (Node node : ring.values()) if (node.up) return free(node);
    return Optional.empty();
  }

  private static Optional<Node> free(Node node) {
    return node.free() ? Optional.of(node) : Optional.empty();
  }

  private static long hash(String text) {
    long hash = 0xcbf29ce484222325L;
    for (int i = 0; i < text.length(); i++) hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
    return PrefixIndex.mix(hash);
  }
}
