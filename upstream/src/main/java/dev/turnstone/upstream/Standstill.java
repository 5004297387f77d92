package dev.turnstone.upstream;

import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.upstream.Attempt.Cut;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineHttp;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/// Makes engines stand still and go on, each in its own words. Whoever calls it has closed the
/// barrier, so no attempt comes in meanwhile.
final class Standstill {
  private static final Duration DRAIN = Duration.ofMinutes(30);
  private static final Duration CUT = Duration.ofSeconds(30);

  private final EngineHttp http;
  private final Barrier barrier;

  /// Held while engines are told, so that whoever tells them last is whom they obey.
  private final ReentrantLock telling = new ReentrantLock();

  Standstill(EngineHttp http, Barrier barrier) {
    this.http = http;
    this.barrier = barrier;
  }

  /// For as long as a trainer wants it; asked twice, it returns both times when all stand still.
  ///
  /// @param wanted whether the trainer has not said meanwhile that they go on
  void begin(Fleet fleet, Pause pause, BooleanSupplier wanted) throws InterruptedException {
    Map<UpstreamEngine, String> failed = new ConcurrentHashMap<>();
    List<UpstreamEngine> engines = fleet.serving();
    stop(engines, pause, wanted);
    telling.lockInterruptibly();
    try {
      if (wanted.getAsBoolean()) pause(engines, failed);
    } finally {
      telling.unlock();
    }
    failed.forEach((engine, why) -> fleet.eject(engine, "it does not pause: " + why));
  }

  /// Engines end what they have, also of other servers, and begin nothing.
  ///
  /// @param failed takes why engines could not; those that are there already are left alone
  void pause(List<UpstreamEngine> engines, Map<UpstreamEngine, String> failed)
      throws InterruptedException {
    AllEngines.each(engines, failed, engine -> new EngineControl(http, engine.spec()).pause());
  }

  /// One that is not let in yet goes on, so that it can be asked.
  ///
  /// @throws EngineFault if the trainer wants all to stand still
  void goOn(EngineSpec spec, BooleanSupplier wanted) throws EngineFault, InterruptedException {
    telling.lockInterruptibly();
    try {
      if (!wanted.getAsBoolean())
        throw new EngineFault(
            EngineFault.Kind.GONE, "it is asked again when the trainer's pause is over");
      new EngineControl(http, spec).resume();
    } finally {
      telling.unlock();
    }
  }

  /// They go on, unless the trainer wants them to stand still again.
  void end(Fleet fleet, List<UpstreamEngine> engines, BooleanSupplier wanted)
      throws InterruptedException {
    telling.lockInterruptibly();
    try {
      if (wanted.getAsBoolean()) end(fleet, engines);
    } finally {
      telling.unlock();
    }
  }

  /// Also engines that failed go on: one that is left standing could never be admitted again.
  void end(Fleet fleet, List<UpstreamEngine> engines) throws InterruptedException {
    Map<UpstreamEngine, String> stuck = new ConcurrentHashMap<>();
    AllEngines.each(engines, stuck, engine -> new EngineControl(http, engine.spec()).resume());
    stuck.forEach((engine, why) -> fleet.eject(engine, "it does not resume: " + why));
  }

  /// Cuts what runs, which goes on later from the tokens it has, or waits for it. What could not go
  /// on from its tokens is always waited for.
  ///
  /// @param wanted whether they are still to stand still; it returns when not
  void stop(List<UpstreamEngine> engines, Pause pause, BooleanSupplier wanted)
      throws InterruptedException {
    Cut why = pause == Pause.ABORT ? Cut.ABORT : Cut.UPDATE;
    long started = System.nanoTime();
    long patience = pause == Pause.ABORT ? 0 : DRAIN.toNanos();
    while (System.nanoTime() - started < patience + CUT.toNanos()) {
      if (!wanted.getAsBoolean()) return;
      boolean all = System.nanoTime() - started >= patience;
      if (all || pause == Pause.KEEP) for (UpstreamEngine engine : engines) engine.cut(why, all);
      if (barrier.awaitEmpty(Duration.ofMillis(50))) return;
    }
    throw new IllegalStateException("turns do not end when they are cut");
  }
}
