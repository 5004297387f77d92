package dev.turnstone.upstream.routing;

/// One engine as routing sees it. Guarded by its router's lock; only [Router] changes it.
public final class Node {
  private final String name;
  final int index;
  boolean up;
  boolean removed;
  int inFlight;
  int conversations;
  long tokens;
  double limit;

  /// An engine that takes nothing yet.
  ///
  /// @param index its place among all engines of its router, until it is removed
  Node(String name, int index, double limit) {
    this.name = name;
    this.index = index;
    this.limit = limit;
  }

  public String name() {
    return name;
  }

  boolean free() {
    return up && inFlight < (int) limit;
  }

  /// What it carries: conversations that will come back, and turns that belong to none.
  int load() {
    return Math.max(conversations, inFlight);
  }
}
