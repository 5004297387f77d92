package dev.turnstone.engine;

import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.WeightsUpdate;
import java.util.Optional;

/// Whether the engine stands still because somebody paused it, and who waits for that. Confined to
/// the engine thread, but for [#paused].
final class Pausing {
  private final Scheduler scheduler;
  private Optional<Command.Pause> pause = Optional.empty();
  private volatile boolean paused;

  Pausing(Scheduler scheduler) {
    this.scheduler = scheduler;
  }

  boolean paused() {
    return paused;
  }

  void begin(Command.Pause begun) {
    pause.ifPresent(earlier -> earlier.still().complete(true));
    pause = Optional.of(begun);
    paused = true;
    if (begun.mode() == WeightsUpdate.Pause.ABORT)
      scheduler.all().forEach(sequence -> scheduler.end(sequence, FinishReason.ABORT));
    scheduler.admitting(false);
  }

  void end(Command.Resume resume) {
    pause.ifPresent(ended -> ended.still().complete(true));
    pause = Optional.empty();
    paused = false;
    scheduler.admitting(true);
    resume.done().complete(true);
  }

  /// Whether a pause lets nothing run; only `WAIT` lets run what runs.
  boolean standsStill() {
    if (pause.isEmpty()) return false;
    boolean still = pause.get().mode() != WeightsUpdate.Pause.WAIT || scheduler.running().isEmpty();
    if (still) pause.get().still().complete(true);
    return still;
  }

  /// Tells whoever waits that the engine ends.
  void close(PolicyException why) {
    pause.ifPresent(ended -> ended.still().completeExceptionally(why));
  }
}
