package dev.turnstone.upstream.routing;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/// A conversation stays with its engine, whose cache holds it, and waits there when it is full; it
/// moves only if its engine carries half as much again as another.
///
/// A new one goes to the engine with the least load. Those within a tenth of it count as equal, and
/// among equals the one that has seen the longest beginning of the prompt wins, as the other
/// rollouts of a group have left it; then the fewest tokens; then the next in turn.
final class StickyLeastLoaded implements RoutingPolicy {
  private static final double EQUAL = 1.1;
  private static final double MOVE = 1.5;
  private static final int MOVE_SLACK = 4;

  private final PrefixIndex prefixes = new PrefixIndex();
  private int turn;

  @Override
  public Optional<Node> choose(Turn asked, Optional<Node> last, List<Node> nodes) {
    if (last.isPresent() && last.get().up) {
      Node stay = last.get();
      if (stay.free()) return last;
      Optional<Node> least = best(nodes, new BitSet());
      return least.filter(node -> stay.load() > node.load() * MOVE + MOVE_SLACK);
    }
    return best(nodes, prefixes.holders(asked.beginnings()));
  }

  private Optional<Node> best(List<Node> nodes, BitSet holders) {
    int least = Integer.MAX_VALUE;
    for (Node node : nodes) if (node.free()) least = Math.min(least, node.load());
    if (least == Integer.MAX_VALUE) return Optional.empty();
    int equal = (int) Math.max(least + 1, least * EQUAL);
    Node best = null;
    int size = nodes.size();
    for (int i = 0, at = turn; i < size; i++, at = at + 1 == size ? 0 : at + 1) {
      Node node = nodes.get(at);
      if (!node.free() || node.load() > (holders.get(node.index) ? equal : least)) continue;
      if (best == null || better(node, best, holders)) best = node;
    }
    if (best == null) return Optional.empty();
    turn = (best.index + 1) % nodes.size();
    return Optional.of(best);
  }

  private static boolean better(Node node, Node best, BitSet holders) {
    boolean holds = holders.get(node.index);
    if (holds != holders.get(best.index)) return holds;
    if (node.load() != best.load()) return node.load() < best.load();
    return node.tokens < best.tokens;
  }

  @Override
  public void chosen(Turn asked, Node node) {
    // A conversation that stays has been added before.
    if (asked.begins()) prefixes.add(asked.beginnings(), node.index);
  }

  @Override
  public void lost(Node node) {
    prefixes.remove(node.index);
  }
}
