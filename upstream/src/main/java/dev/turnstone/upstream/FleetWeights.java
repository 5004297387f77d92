package dev.turnstone.upstream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.TrainablePolicy.Applied;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.EngineSpec.WeightsBy;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import dev.turnstone.upstream.wire.EngineHttp;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/// The weights that all engines serve, and how new ones come to all of them: everything stands
/// still, each engine loads and is asked for log-probabilities, and whoever failed is ejected
/// before anything goes on. So a token's version is that of the barrier it was read behind.
final class FleetWeights {
  private static final Duration LOOK = Duration.ofSeconds(2);
  private static final Duration OTHERS = Duration.ofSeconds(10);
  private static final String MANIFEST = "manifest.json";

  private final EngineHttp http;
  private final TokenSpace space;
  private final Barrier barrier;
  private final Standstill standstill;
  private final ReentrantLock changing = new ReentrantLock();
  private volatile WeightsId id = new WeightsId("base", 0, "0".repeat(64));
  private final AtomicInteger epoch = new AtomicInteger();
  private Optional<WeightsUpdate> last = Optional.empty();
  private Optional<Fingerprint> reference = Optional.empty();

  /// What each engine answered under the weights that we know of it. It is not asked again before
  /// an update: another server may have brought it these weights already.
  private final Map<UpstreamEngine, Fingerprint> before = new ConcurrentHashMap<>();

  FleetWeights(EngineHttp http, TokenSpace space, Barrier barrier, Standstill standstill) {
    this.http = http;
    this.space = space;
    this.barrier = barrier;
    this.standstill = standstill;
  }

  WeightsId id() {
    return id;
  }

  /// Names the weights, and how often the caches were told to forget.
  String salt() {
    return salt(id);
  }

  /// The same for a request with a salt of its own.
  String salt(Optional<String> asked) {
    return salt() + asked.map(text -> "-" + digest(text)).orElse("");
  }

  /// 128 bits that stand for a text of any length and letters.
  private static String digest(String text) {
    try {
      byte[] sha256 =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(sha256, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
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

  private static String name(WeightsId of) {
    return of.lineage() + "/" + of.version();
  }

  /// An engine whose address is gone is no longer known.
  void gone(UpstreamEngine engine) {
    before.remove(engine);
  }

  /// Nothing that was cached so far is used again.
  void forget() {
    epoch.incrementAndGet();
  }

  /// Makes an engine that was admitted serve what the others serve, and lets it in meanwhile
  /// nothing else changes.
  ///
  /// @throws EngineFault with kind AHEAD if it has weights that this server does not know yet
  void join(UpstreamEngine engine, Admitted admitted, Consumer<Admitted> enter)
      throws EngineFault, InterruptedException {
    changing.lockInterruptibly();
    try {
      EngineWeights weights = new EngineWeights(http, engine);
      Admitted ready = last.isPresent() ? weights.bring(admitted, last.get()) : unchanged(admitted);
      Fingerprint print = print(engine, ready);
      if (reference.isPresent() && !reference.get().agrees(print))
        throw EngineFault.broken(
            "its log-probabilities under %s are not those of the others".formatted(name(id)));
      if (last.isPresent()) ready = weights.confirm(ready, id);
      if (reference.isEmpty()) reference = Optional.of(print);
      before.put(engine, print);
      enter.accept(ready);
    } finally {
      changing.unlock();
    }
  }

  /// What an engine serves while this server has been told of no weights.
  private static Admitted unchanged(Admitted admitted) throws EngineFault {
    if (WeightsLabel.parse(admitted.label()).isPresent())
      throw new EngineFault(
          Kind.AHEAD, "it has %s, which this server was not told of".formatted(admitted.label()));
    return admitted;
  }

  /// Whether an engine that serves still has the weights that it was let in with. While weights
  /// change, that is for the change to find out.
  ///
  /// @throws EngineFault if somebody else has changed them
  void verify(UpstreamEngine engine) throws EngineFault, InterruptedException {
    if (barrier.closed() || !changing.tryLock(LOOK.toMillis(), TimeUnit.MILLISECONDS)) return;
    try {
      Optional<Admitted> admitted = engine.admitted();
      if (admitted.isEmpty() || admitted.get().label().isEmpty()) return;
      String theirs = new EngineControl(http, engine.spec()).label(LOOK);
      if (!theirs.equals(admitted.get().label()))
        throw new EngineFault(
            Kind.AHEAD, "its weights were %s and are %s".formatted(admitted.get().label(), theirs));
    } finally {
      changing.unlock();
    }
  }

  private Fingerprint print(UpstreamEngine engine, Admitted admitted)
      throws EngineFault, InterruptedException {
    return Fingerprint.of(
        new Probe(http, engine.spec(), admitted.wire(), admitted.model(), salt()), space);
  }

  /// Replaces the weights of all engines.
  ///
  /// @param paused whether a trainer has made everything stand still
  /// @throws WeightsRejected if no engine serves the new ones; those that can serve the old ones on
  Applied apply(Fleet fleet, WeightsUpdate update, boolean paused)
      throws WeightsRejected, InterruptedException {
    fleet.awaitOthers(WeightsLabel.of(update.id()), OTHERS);
    changing.lockInterruptibly();
    try {
      List<UpstreamEngine> engines = fleet.serving();
      if (engines.isEmpty() && fleet.anyHas(WeightsLabel.of(update.id())))
        return followed(fleet, update);
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

  /// All engines have these weights already, from another server; their watches let them in.
  private Applied followed(Fleet fleet, WeightsUpdate update) {
    id = update.id();
    last = Optional.of(update);
    reference = Optional.empty();
    fleet.lookAgain();
    return new Applied(update.id(), 0, 0);
  }

  private Applied standingStill(Fleet fleet, List<UpstreamEngine> engines, WeightsUpdate update)
      throws WeightsRejected, InterruptedException {
    long started = System.nanoTime();
    FleetUpdate all = new FleetUpdate(http, space, update, salt(update.id()), engines);
    try {
      all.look();
      standstill.stop(engines, update.pause(), () -> true);
      claimOrEject(fleet, all);
      long loading = System.nanoTime();
      Map<UpstreamEngine, Fingerprint> serving = loadOrEject(fleet, all, update);
      long done = System.nanoTime();
      if (serving.isEmpty()) throw rejected(fleet, all.failed());
      before.putAll(serving);
      reference = serving.values().stream().findFirst();
      id = update.id();
      last = Optional.of(update);
      all.failed()
          .forEach((engine, why) ->
              fleet.eject(engine, "it does not serve %s: %s".formatted(name(update.id()), why)));
      return new Applied(
          update.id(),
          TimeUnit.NANOSECONDS.toMillis(done - loading),
          TimeUnit.NANOSECONDS.toMillis(done - started));
    } finally {
      standstill.end(fleet, engines);
    }
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

  private void claimOrEject(Fleet fleet, FleetUpdate all) throws InterruptedException {
    try {
      all.claim();
      standstill.pause(all.engines(), all.failed());
    } catch (InterruptedException e) {
      abandon(fleet, all);
      throw e;
    }
  }

  /// After a load that is interrupted nobody knows which weights an engine has.
  private Map<UpstreamEngine, Fingerprint> loadOrEject(
      Fleet fleet, FleetUpdate all, WeightsUpdate update) throws InterruptedException {
    try {
      all.load();
      return all.finish(before, last.isPresent() && otherBytes(last.get(), update));
    } catch (InterruptedException e) {
      abandon(fleet, all);
      throw e;
    }
  }

  private static void abandon(Fleet fleet, FleetUpdate all) throws InterruptedException {
    for (UpstreamEngine engine : all.engines()) fleet.eject(engine, "its update was interrupted");
    all.disown();
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
}
