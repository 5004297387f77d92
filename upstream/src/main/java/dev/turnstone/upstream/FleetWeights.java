package dev.turnstone.upstream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.TrainablePolicy.Applied;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.Attempt.Cut;
import dev.turnstone.upstream.EngineSpec.WeightsBy;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineHttp;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The weights that all engines serve, and how new ones come to all of them: everything stands
/// still, each engine loads and is asked for log-probabilities, and whoever failed is ejected
/// before anything goes on. So a token's version is that of the barrier it was read behind.
final class FleetWeights {
  private static final Logger LOG = LoggerFactory.getLogger(FleetWeights.class);
  private static final Duration DRAIN = Duration.ofMinutes(30);
  private static final String MANIFEST = "manifest.json";
  private static final Duration CUT = Duration.ofSeconds(30);

  private final EngineHttp http;
  private final TokenSpace space;
  private final Barrier barrier;
  private final ReentrantLock changing = new ReentrantLock();
  private volatile WeightsId id = new WeightsId("base", 0, "0".repeat(64));
  private final AtomicInteger epoch = new AtomicInteger();
  private Optional<WeightsUpdate> last = Optional.empty();
  private Optional<Fingerprint> reference = Optional.empty();

  /// What each engine answered under the weights that we know of it. It is not asked again before
  /// an update: another server may have brought it these weights already.
  private final Map<UpstreamEngine, Fingerprint> before = new ConcurrentHashMap<>();

  FleetWeights(EngineHttp http, TokenSpace space, Barrier barrier) {
    this.http = http;
    this.space = space;
    this.barrier = barrier;
  }

  WeightsId id() {
    return id;
  }

  /// Names the weights, and how often the caches were told to forget.
  String salt() {
    return salt(id);
  }

  /// Engines take no slashes in a salt, and 128 characters.
  private String salt(WeightsId of) {
    String lineage = of.lineage().replaceAll("[^A-Za-z0-9._-]", "_");
    return "%s-%d-%s-%d"
        .formatted(
            lineage.substring(0, Math.min(40, lineage.length())),
            of.version(),
            of.sha256().substring(0, 16),
            epoch.get());
  }

  private static String label(WeightsId of) {
    return of.lineage() + "/" + of.version();
  }

  /// Nothing that was cached so far is used again.
  void forget() {
    epoch.incrementAndGet();
  }

  /// Makes an engine that was admitted serve what the others serve, and lets it in meanwhile
  /// nothing else changes.
  void join(UpstreamEngine engine, Admitted admitted, Consumer<Admitted> enter)
      throws EngineFault, InterruptedException {
    changing.lockInterruptibly();
    try {
      Admitted ready = admitted;
      if (last.isPresent()) ready = bring(engine, admitted, last.get());
      Fingerprint print = print(engine, ready, id);
      if (reference.isPresent() && !reference.get().agrees(print))
        throw EngineFault.broken(
            "its log-probabilities under %s are not those of the others".formatted(label(id)));
      if (reference.isEmpty()) reference = Optional.of(print);
      before.put(engine, print);
      enter.accept(ready);
    } finally {
      changing.unlock();
    }
  }

  private Fingerprint print(UpstreamEngine engine, Admitted admitted, WeightsId of)
      throws EngineFault, InterruptedException {
    return Fingerprint.of(
        new Probe(http, engine.spec(), admitted.wire(), admitted.model(), salt(of)), space);
  }

  /// Brings an engine the weights; it stands still.
  private Admitted bring(UpstreamEngine engine, Admitted admitted, WeightsUpdate update)
      throws EngineFault, InterruptedException {
    EngineControl control = new EngineControl(http, engine.spec());
    String label = label(update.id());
    switch (engine.spec().weights()) {
      case DISK -> control.load(update, label);
      case LORA -> {
        String name = "turnstone-" + update.id().lineage() + "-" + update.id().version();
        control.adapter(update, name);
        if (admitted.model().startsWith("turnstone-")) control.dropAdapter(admitted.model());
        return new Admitted(admitted.wire(), name, admitted.contextLength());
      }
      case EXTERNAL -> {
        String theirs = control.label();
        if (!theirs.isEmpty() && !theirs.equals(label))
          throw EngineFault.broken(
              "its weights are %s, and only the trainer can give it %s".formatted(theirs, label));
      }
    }
    return admitted;
  }

  /// Replaces the weights of all engines.
  ///
  /// @param paused whether a trainer has made everything stand still
  /// @throws WeightsRejected if no engine serves the new ones; those that can serve the old ones on
  Applied apply(Fleet fleet, WeightsUpdate update, boolean paused)
      throws WeightsRejected, InterruptedException {
    changing.lockInterruptibly();
    try {
      List<UpstreamEngine> engines = fleet.serving();
      if (engines.isEmpty()) throw new WeightsRejected("no engine is up: " + fleet.reasons());
      if (!paused && engines.stream().anyMatch(e -> e.spec().weights() == WeightsBy.EXTERNAL))
        throw new WeightsRejected(
            "the trainer gives these engines their weights: pause first, send them, then say their"
                + " version, then resume");
      barrier.close();
      try {
        return standingStill(fleet, engines, update);
      } finally {
        barrier.open();
      }
    } finally {
      changing.unlock();
    }
  }

  private Applied standingStill(Fleet fleet, List<UpstreamEngine> engines, WeightsUpdate update)
      throws WeightsRejected, InterruptedException {
    long started = System.nanoTime();
    Map<UpstreamEngine, String> failed = new ConcurrentHashMap<>();
    try {
      stop(engines, update.pause());
      each(engines, failed, engine -> new EngineControl(http, engine.spec()).pause());
      long loading = System.nanoTime();
      List<UpstreamEngine> loaded = loadOrEject(fleet, engines, update, failed);
      long done = System.nanoTime();
      if (loaded.isEmpty()) throw rejected(fleet, failed);
      id = update.id();
      last = Optional.of(update);
      failed.forEach((engine, why) ->
          fleet.eject(engine, "it does not serve %s: %s".formatted(label(update.id()), why)));
      return new Applied(
          update.id(),
          TimeUnit.NANOSECONDS.toMillis(done - loading),
          TimeUnit.NANOSECONDS.toMillis(done - started));
    } finally {
      resume(fleet, engines);
    }
  }

  /// Also those that failed: one that is left standing could never be admitted again.
  private void resume(Fleet fleet, List<UpstreamEngine> engines) throws InterruptedException {
    Map<UpstreamEngine, String> stuck = new ConcurrentHashMap<>();
    each(engines, stuck, engine -> new EngineControl(http, engine.spec()).resume());
    stuck.forEach((engine, why) -> fleet.eject(engine, "it does not resume: " + why));
  }

  /// An engine that may have some of the new weights must not go on with the old ones.
  private static WeightsRejected rejected(Fleet fleet, Map<UpstreamEngine, String> failed) {
    StringBuilder why = new StringBuilder("no engine took the weights");
    failed.forEach((engine, sentence) -> {
      why.append("; ").append(engine.name()).append(": ").append(sentence);
      fleet.eject(engine, sentence);
    });
    return new WeightsRejected(why.toString());
  }

  private static Admitted admitted(UpstreamEngine engine) throws EngineFault {
    return engine.admitted().orElseThrow(() -> EngineFault.broken("it was ejected meanwhile"));
  }

  /// Makes everything stand still for a trainer. The barrier is closed already.
  void pause(Fleet fleet, Pause mode) throws InterruptedException {
    List<UpstreamEngine> engines = fleet.serving();
    Map<UpstreamEngine, String> failed = new ConcurrentHashMap<>();
    stop(engines, mode);
    each(engines, failed, engine -> new EngineControl(http, engine.spec()).pause());
    failed.forEach((engine, why) -> fleet.eject(engine, "it does not pause: " + why));
  }

  void resume(Fleet fleet) throws InterruptedException {
    resume(fleet, fleet.serving());
  }

  /// Waits for what runs, or cuts it: its turns go on later from the tokens they have.
  void stop(List<UpstreamEngine> engines, Pause pause) throws InterruptedException {
    if (pause == Pause.WAIT && !barrier.awaitEmpty(DRAIN))
      LOG.warn("turns still ran after {} min and are cut", DRAIN.toMinutes());
    Cut why = pause == Pause.ABORT ? Cut.ABORT : Cut.UPDATE;
    long deadline = System.nanoTime() + CUT.toNanos();
    do {
      for (UpstreamEngine engine : engines) engine.cutAll(why);
      if (barrier.awaitEmpty(Duration.ofMillis(50))) return;
    } while (System.nanoTime() - deadline < 0);
    throw new IllegalStateException("turns do not end when they are cut");
  }

  private interface Step {
    void run(UpstreamEngine engine) throws EngineFault, InterruptedException;
  }

  /// Does something to all engines at once; an engine that failed before is left alone.
  private static void each(
      List<UpstreamEngine> engines, Map<UpstreamEngine, String> failed, Step step)
      throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    for (UpstreamEngine engine : engines) {
      if (failed.containsKey(engine)) continue;
      threads.add(
          Thread.ofVirtual()
              .name("engine-update " + engine.name())
              .start(() -> {
                try {
                  step.run(engine);
                } catch (EngineFault e) {
                  failed.put(engine, e.why());
                } catch (InterruptedException e) {
                  failed.put(engine, "the update was interrupted");
                } catch (RuntimeException e) {
                  LOG.error("update of engine {}", engine.name(), e);
                  failed.put(engine, "defect: " + e);
                }
              }));
    }
    try {
      for (Thread thread : threads) thread.join();
    } catch (InterruptedException e) {
      threads.forEach(Thread::interrupt);
      throw e;
    }
  }

  /// After a load that is interrupted nobody knows which weights an engine has.
  private List<UpstreamEngine> loadOrEject(
      Fleet fleet,
      List<UpstreamEngine> engines,
      WeightsUpdate update,
      Map<UpstreamEngine, String> failed)
      throws InterruptedException {
    try {
      return load(engines, update, failed);
    } catch (InterruptedException e) {
      for (UpstreamEngine engine : engines) fleet.eject(engine, "its update was interrupted");
      throw e;
    }
  }

  /// Loads and verifies.
  ///
  /// @return engines that serve the new weights
  private List<UpstreamEngine> load(
      List<UpstreamEngine> engines, WeightsUpdate update, Map<UpstreamEngine, String> failed)
      throws InterruptedException {
    Map<UpstreamEngine, Fingerprint> after = new ConcurrentHashMap<>();
    Map<UpstreamEngine, Admitted> brought = new ConcurrentHashMap<>();
    each(
        engines,
        failed,
        engine -> {
          EngineControl control = new EngineControl(http, engine.spec());
          if (engine.spec().weights() == WeightsBy.EXTERNAL) control.label(label(update.id()));
          Admitted ready = bring(engine, admitted(engine), update);
          brought.put(engine, ready);
          // One that stands still answers nothing. It goes on to be asked; nothing else is sent
          // yet.
          control.resume();
          after.put(engine, print(engine, ready, update.id()));
          if (update.probe().isPresent())
            new TrainerProbe(http, engine.spec(), ready.model()).check(update.probe().get());
        });
    after.keySet().removeAll(failed.keySet());
    judge(after, failed, last.isPresent() && otherBytes(last.get(), update));
    List<UpstreamEngine> loaded = new ArrayList<>();
    for (UpstreamEngine engine : engines)
      if (!failed.containsKey(engine) && brought.containsKey(engine)) {
        if (engine.serveNow(brought.get(engine))) loaded.add(engine);
        else failed.put(engine, "it was ejected meanwhile");
      }
    loaded.stream().findFirst().map(after::get).ifPresent(one -> reference = Optional.of(one));
    if (!loaded.isEmpty()) before.putAll(after);
    return loaded;
  }

  /// Whether two folders list files of different content.
  private static boolean otherBytes(WeightsUpdate old, WeightsUpdate fresh) {
    try {
      JsonNode was = EngineHttp.JSON.readTree(old.folder().resolve(MANIFEST).toFile());
      JsonNode is = EngineHttp.JSON.readTree(fresh.folder().resolve(MANIFEST).toFile());
      return !was.path("files").equals(is.path("files"));
    } catch (IOException e) {
      return false; // without both manifests it is not known
    }
  }

  /// The largest set of engines that agree is right. One of them that answers to the last bit as
  /// before has not loaded anything, if others changed or the weights are known to differ.
  private void judge(
      Map<UpstreamEngine, Fingerprint> after,
      Map<UpstreamEngine, String> failed,
      boolean otherBytes) {
    boolean changed =
        otherBytes
            || after.entrySet().stream()
                .anyMatch(one -> !one.getValue().equals(before.get(one.getKey())));
    List<UpstreamEngine> right = List.of();
    for (Fingerprint one : after.values()) {
      List<UpstreamEngine> agree = new ArrayList<>();
      after.forEach((engine, print) -> {
        if (one.agrees(print) && !(changed && print.equals(before.get(engine)))) agree.add(engine);
      });
      if (agree.size() > right.size()) right = agree;
    }
    for (UpstreamEngine engine : after.keySet())
      if (!right.contains(engine))
        failed.putIfAbsent(
            engine,
            after.get(engine).equals(before.get(engine))
                ? "its log-probabilities are what they were before"
                : "its log-probabilities are not those of the other engines");
  }
}
