package dev.turnstone.upstream.routing;

import java.util.List;
import java.util.Optional;

/// Chooses an engine. Called under the router's lock, so it must not block.
interface RoutingPolicy {
  /// The engine for a turn; empty if the turn should wait.
  ///
  /// @param last where the conversation's turn before was, if it is still there
  /// @param nodes all engines, also those that are down or full
  Optional<Node> choose(Turn turn, Optional<Node> last, List<Node> nodes);

  /// A turn has been sent to an engine.
  default void chosen(Turn turn, Node node) {}

  /// An engine is there, which is down at first.
  default void added(Node node) {}

  /// An engine is gone for good.
  default void removed(Node node) {}

  /// An engine has lost what it had cached.
  default void lost(Node node) {}
}
