package dev.turnstone.server.demo;

import java.time.Duration;
import java.util.ArrayDeque;

/// How fast tokens come, over the last half minute: rollouts come in bursts. Confined to the demo's
/// own thread.
final class DemoPace {
  private static final long SECOND = Duration.ofSeconds(1).toNanos();
  private static final long WINDOW = Duration.ofSeconds(30).toNanos();

  private final ArrayDeque<Batch> recent = new ArrayDeque<>();
  private final long started;

  DemoPace(long now) {
    this.started = now;
  }

  private record Batch(long at, int tokens) {}

  void add(long now, int tokens) {
    recent.add(new Batch(now, tokens));
  }

  double tokensPerSecond(long now) {
    while (!recent.isEmpty() && now - recent.getFirst().at() > WINDOW) recent.removeFirst();
    long span = Math.clamp(now - started, SECOND, WINDOW);
    return recent.stream().mapToInt(Batch::tokens).sum() / (span / (double) SECOND);
  }
}
