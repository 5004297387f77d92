package dev.turnstone.engine;

import dev.turnstone.engine.EngineStats.StepTokens;
import java.util.Arrays;

/// Where the engine thread's time goes. Confined to it.
///
/// Time counts as runnable while a sequence could run, whether it does or not, and as busy while a
/// step computes: the difference is what the engine stands idle although there is work.
final class StepClock {
  private long last = System.nanoTime();
  private long runnable;
  private long busy;
  private long scheduling;
  private long steps;
  private long tokens;
  private final long[] sizes = new long[StepTokens.BOUNDS.size() + 1];

  /// What has passed since the last turn was spent waiting for work.
  void rested() {
    last = System.nanoTime();
  }

  /// Ends a turn of the engine's loop in which something could run.
  void turned() {
    long now = System.nanoTime();
    runnable += now - last;
    last = now;
  }

  void scheduled(long nanos) {
    scheduling += nanos;
  }

  /// Ends a step.
  ///
  /// @param count of its tokens
  void stepped(long nanos, int count) {
    busy += nanos;
    steps++;
    tokens += count;
    int size = 0;
    while (size < sizes.length - 1 && count > StepTokens.BOUNDS.get(size)) size++;
    sizes[size]++;
  }

  EngineStats.Times times() {
    return new EngineStats.Times(
        steps,
        runnable,
        busy,
        scheduling,
        new StepTokens(tokens, Arrays.stream(sizes).boxed().toList()));
  }
}
