package dev.turnstone.trainerbridge.weights;

import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.TrainablePolicy.Applied;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.rollout.WeightsUpdate.Kv;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.rollout.WeightsUpdate.Probe;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.log.WeightsTable;
import dev.turnstone.trainerbridge.weights.WeightsManifest.Kind;
import dev.turnstone.trainerbridge.weights.WeightsStore.Made;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The policy's weights: one update at a time is checked against its manifest, applied and made
/// durable; the last one is loaded again at start.
///
/// Within a lineage versions only grow. The same version again is answered without loading it if
/// its bytes are the same, and refused if they are not: other bytes need a new lineage.
public final class Weights {
  /// Lineage of weights that come over another engine's wire, as a folder without a manifest.
  public static final String WIRE = "wire";

  private static final String UPLOADS = ".uploads";
  private static final long PATIENCE_S = 60;
  private static final Logger LOG = LoggerFactory.getLogger(Weights.class);

  private final WeightsTable log;
  private final TrainablePolicy policy;
  private final WeightsRoots roots;
  private final WeightsStore store;
  private final WholeWeights whole;
  private final ReentrantLock updating = new ReentrantLock(true);
  private volatile Optional<String> behind = Optional.empty();

  private Weights(
      WeightsTable log, TrainablePolicy policy, List<Path> roots, Optional<Path> model) {
    this.log = log;
    this.policy = policy;
    this.roots = new WeightsRoots(roots);
    store = new WeightsStore(this.roots.first());
    whole = new WholeWeights(log, policy, store, model);
  }

  /// The same without a folder of the policy's own weights, to which adapters could belong.
  public static Weights open(TrajectoryLog log, TrainablePolicy policy, List<Path> roots)
      throws WeightsRejected, InterruptedException {
    return open(log, policy, roots, Optional.empty());
  }

  /// Loads the last applied weights into the policy, if there are any.
  ///
  /// @param model folder of the weights that the policy has now
  /// @param roots folders below which weights may lie, after links are resolved; the first also
  ///   holds those that serve, apart from the trainer's, so servers that share a log share it
  /// @throws WeightsRejected with one sentence, if they are not there any more as they were applied
  public static Weights open(
      TrajectoryLog log, TrainablePolicy policy, List<Path> roots, Optional<Path> model)
      throws WeightsRejected, InterruptedException {
    Weights weights = new Weights(log.weights(), policy, roots, model);
    Optional<WeightsTable.Stored> last = weights.log.last();
    if (last.isPresent() && !last.get().id().equals(policy.weights())) {
      WeightsId id = last.get().id();
      weights.load(last.get());
      LOG.info("loaded weights {} version {} again", id.lineage(), id.version());
    }
    return weights;
  }

  public WeightsId serving() {
    return policy.weights();
  }

  /// Names the weights of a folder without a manifest as the next version of [#WIRE].
  ///
  /// @throws WeightsRejected if it does not lie under a root or holds no weights
  public WeightsId identify(Path folder) throws WeightsRejected {
    Path real = roots.find(folder);
    int version = log.newest(WIRE).map(stored -> stored.id().version() + 1).orElse(1);
    try {
      return new WeightsId(WIRE, version, WeightsCheck.identity(real));
    } catch (IOException e) {
      throw new WeightsRejected("the weights in %s cannot be read: %s".formatted(folder, e));
    }
  }

  /// Why this server does not serve the newest weights; empty if it does. It admits nothing then.
  public Optional<String> behind() {
    return behind;
  }

  /// Applies what another server of a shared log was sent.
  ///
  /// @return the update, if there was one
  public Optional<WeightsOutcome.Applied> follow() {
    Optional<WeightsTable.Stored> newest = log.last();
    if (newest.isEmpty() || newest.get().id().equals(policy.weights()) || !updating.tryLock())
      return Optional.empty();
    try {
      return Optional.of(catchUp(newest.get()));
    } catch (WeightsRejected e) {
      behind = Optional.of("the newest weights cannot be loaded: " + e.getMessage());
      LOG.error("{}", behind.get());
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    } finally {
      updating.unlock();
    }
  }

  private WeightsOutcome.Applied catchUp(WeightsTable.Stored newest)
      throws WeightsRejected, InterruptedException {
    WeightsId id = newest.id();
    boolean fresh = !policy.weights().lineage().equals(id.lineage());
    Applied applied = load(newest);
    behind = Optional.empty();
    LOG.info("applied weights {} version {} of another server", id.lineage(), id.version());
    return new WeightsOutcome.Applied(applied, fresh);
  }

  /// Loads what was applied before, here or by another server.
  private Applied load(WeightsTable.Stored stored) throws WeightsRejected, InterruptedException {
    Path real = roots.find(stored.folder());
    WeightsCheck check = WeightsCheck.begin(real, stored.id(), store.holds(real));
    try (ByteCheck bytes = ByteCheck.begin(check::bytes)) {
      return applied(new WeightsUpdate(stored.id(), real, Pause.KEEP, Kv.RECOMPUTE), bytes, false);
    }
  }

  /// A place for files that a trainer sends.
  public WeightsUpload upload() throws IOException {
    Path uploads = roots.first().resolve(UPLOADS);
    WeightsUpload.forgetOld(uploads);
    return new WeightsUpload(uploads);
  }

  /// The run whose trainer sent the weights that serve.
  public Optional<String> owner() {
    return log.last().flatMap(WeightsTable.Stored::owner);
  }

  /// Checks, applies and logs an update.
  ///
  /// @param pause unless request or manifest say otherwise; `kv` likewise
  /// @param objection asked once no other update is under way; a sentence refuses
  public WeightsOutcome apply(
      WeightsRequest request, Pause pause, Kv kv, Supplier<Optional<String>> objection) {
    try {
      if (!updating.tryLock(PATIENCE_S, TimeUnit.SECONDS))
        return new WeightsOutcome.Busy(
            "another update has been under way for %d s".formatted(PATIENCE_S));
      try {
        return alone(request, pause, kv, objection);
      } finally {
        updating.unlock();
      }
    } catch (WeightsRejected e) {
      return new WeightsOutcome.Refused(String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new WeightsOutcome.Busy("the server stops");
    }
  }

  private WeightsOutcome alone(
      WeightsRequest request, Pause pause, Kv kv, Supplier<Optional<String>> objection)
      throws WeightsRejected, InterruptedException {
    Optional<String> why = objection.get().or(() -> outOfOrder(request.id()));
    if (why.isPresent()) return new WeightsOutcome.Refused(why.get());
    if (request.id().equals(policy.weights()))
      return new WeightsOutcome.Applied(new Applied(request.id(), 0, 0), false);
    boolean newLineage = !policy.weights().lineage().equals(request.id().lineage());
    long started = System.nanoTime();
    Path folder = roots.find(request.folder());
    WeightsCheck check = WeightsCheck.begin(folder, request.id(), store.holds(folder));
    Optional<WeightsManifest> part =
        check.manifest().filter(manifest -> manifest.kind() != Kind.FULL);
    WeightsManifest.Wish wish =
        check.manifest().map(WeightsManifest::wish).orElse(WeightsManifest.Wish.NONE);
    Optional<Probe> probe = request.probe().or(wish::probe);
    WeightsUpdate update =
        new WeightsUpdate(
            request.id(),
            folder,
            request.pause().or(wish::pause).orElse(pause),
            request.kv().or(wish::kv).orElse(kv),
            probe);
    Optional<Path> base = part.isPresent() ? Optional.of(whole.base(part.get())) : Optional.empty();
    try (ByteCheck bytes = ByteCheck.begin(check::bytes)) {
      if (part.isPresent()) bytes.await();
      Made served =
          part.isPresent()
              ? whole.merged(part.get(), base.get(), folder, request.id())
              : new Made(folder, false);
      long checking = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - started);
      Applied applied = applied(update.in(served.folder()), bytes, served.fresh());
      noteApplied(request, served.folder(), base, part, probe);
      return new WeightsOutcome.Applied(
          new Applied(applied.id(), applied.loadMillis() + checking, applied.pauseMillis()),
          newLineage);
    }
  }

  private void noteApplied(
      WeightsRequest request,
      Path folder,
      Optional<Path> base,
      Optional<WeightsManifest> part,
      Optional<Probe> probe) {
    log.applied(
        request.id(),
        kept(folder, request.id(), base),
        request.run(),
        Fields.wire(part.map(WeightsManifest::kind).orElse(Kind.FULL)),
        probe.map(given -> JsonText.write(WeightsRequest.probeJson(given))));
  }

  /// Has the policy serve them.
  ///
  /// @param made whether their folder was made for this update; if it is refused it leaves nothing
  ///   behind
  private Applied applied(WeightsUpdate update, ByteCheck bytes, boolean made)
      throws WeightsRejected, InterruptedException {
    boolean serve = false;
    try {
      Applied applied = policy.apply(update, bytes);
      serve = true;
      return applied;
    } catch (InternalError fault) {
      throw ByteCheck.changed(fault);
    } finally {
      if (!serve && made) forget(update.folder());
    }
  }

  private void forget(Path made) {
    try {
      store.forget(made);
    } catch (IOException e) {
      LOG.warn("{} could not be deleted", made, e);
    }
  }

  /// Where the weights will be found at the next start. If they could not be kept they serve all
  /// the same, and the next start finds them only if the trainer's folder is still there.
  private Path kept(Path folder, WeightsId id, Optional<Path> base) {
    try {
      return store.keep(folder, id, base);
    } catch (IOException e) {
      LOG.error("weights {} version {} could not be kept", id.lineage(), id.version(), e);
      return folder;
    }
  }

  private Optional<String> outOfOrder(WeightsId id) {
    Optional<WeightsId> served =
        Optional.of(policy.weights()).filter(serving -> serving.lineage().equals(id.lineage()));
    Optional<WeightsId> newest =
        served.or(() -> log.newest(id.lineage()).map(WeightsTable.Stored::id));
    if (newest.isEmpty() || newest.get().equals(id) || newest.get().version() < id.version())
      return Optional.empty();
    return Optional.of(
        newest.get().version() == id.version()
            ? "version %d of lineage %s has other bytes already: they need a new lineage"
                .formatted(id.version(), id.lineage())
            : "version %d is older than version %d of lineage %s"
                .formatted(id.version(), newest.get().version(), id.lineage()));
  }
}
