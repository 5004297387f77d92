package dev.turnstone.upstream;

import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.UpstreamEngine.State;
import dev.turnstone.upstream.routing.Concurrency;
import dev.turnstone.upstream.routing.Node;
import dev.turnstone.upstream.routing.Router;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineHttp;
import java.net.ConnectException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// All engines of a policy: who serves, who was ejected and why, and the watch over each.
final class Fleet implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Fleet.class);

  /// Suspicions in a row after which nobody waits for the watch.
  private static final int SUSPICIONS = 3;

  private final UpstreamConfig config;
  private final EngineHttp http;
  private final Router router;
  private final Admission admission;
  private final Readiness readiness;
  private final List<UpstreamEngine> engines = new CopyOnWriteArrayList<>();
  private final Map<String, EngineWatch> watches = new ConcurrentHashMap<>();

  /// What an engine must still do before it serves, such as loading the newest weights.
  interface Readiness {
    /// Under which salt the engine is asked.
    String salt();

    /// Makes it go on: whoever made it stand still may have died before it let it.
    ///
    /// @throws EngineFault if a trainer wants all engines to stand still
    void goOn(EngineSpec spec) throws EngineFault, InterruptedException;

    /// Its address is gone.
    void gone(UpstreamEngine engine);

    /// Makes it ready.
    ///
    /// @param enter lets it in, with what it serves then
    /// @throws EngineFault if the engine cannot serve what the others serve
    void prepare(UpstreamEngine engine, Admitted admitted, Consumer<Admitted> enter)
        throws EngineFault, InterruptedException;

    /// Looks whether an engine that serves still serves what it was let in with.
    ///
    /// @throws EngineFault if it does not
    void verify(UpstreamEngine engine) throws EngineFault, InterruptedException;
  }

  Fleet(
      UpstreamConfig config,
      EngineHttp http,
      Router router,
      TokenSpace space,
      Readiness readiness) {
    this.config = config;
    this.http = http;
    this.router = router;
    this.admission = new Admission(http, space);
    this.readiness = readiness;
  }

  /// Adds an engine and begins to watch it.
  synchronized void add(EngineSpec spec) {
    if (watches.containsKey(spec.name())) return;
    var concurrency = new Concurrency(config.firstConcurrency(), config.maxConcurrency());
    Node node = router.add(spec.name(), concurrency.limit());
    UpstreamEngine engine = new UpstreamEngine(spec, node, concurrency);
    engines.add(engine);
    watches.put(spec.name(), EngineWatch.start(this, engine, http, config.watch()));
  }

  /// Gives up an engine whose address is gone; its turns go on elsewhere.
  synchronized void remove(String name) {
    Optional.ofNullable(watches.remove(name)).ifPresent(EngineWatch::close);
    for (UpstreamEngine engine : List.copyOf(engines))
      if (engine.name().equals(name)) {
        eject(engine, "its address is gone");
        readiness.gone(engine);
        engines.remove(engine);
        router.remove(engine.node());
      }
  }

  /// Asks an engine whether it may serve, and lets it if so.
  void admit(UpstreamEngine engine) throws EngineFault, InterruptedException {
    Admitted admitted = admission.admit(engine.spec(), readiness);
    try {
      readiness.prepare(engine, admitted, ready -> enter(engine, ready));
    } catch (EngineFault e) {
      if (e.kind() == EngineFault.Kind.AHEAD) engine.ahead(WeightsLabel.parse(admitted.label()));
      throw e;
    }
    LOG.info(
        "engine {} serves {} over {} with {} tokens of context",
        engine.name(),
        admitted.model(),
        admitted.wire().path(),
        admitted.contextLength());
  }

  /// An engine whose address is gone meanwhile is no longer let in.
  private synchronized void enter(UpstreamEngine engine, Admitted ready) {
    if (!engines.contains(engine)) return;
    engine.ahead(Optional.empty());
    engine.changedElsewhere(false);
    engine.state(new State.In(ready));
    router.up(engine.node(), true);
  }

  /// Looks whether an engine that serves still serves what it was let in with.
  void verify(UpstreamEngine engine) throws EngineFault, InterruptedException {
    readiness.verify(engine);
  }

  /// Takes an engine out; its turns go on elsewhere.
  void eject(UpstreamEngine engine, String why) {
    if (takeOut(engine, why)) engine.cut(Attempt.Cut.EJECTED, true);
  }

  /// Takes an engine out whose weights another server changes. What runs there ends by itself, and
  /// then the engine says what sampled it; where it does not, it ends now.
  void changedElsewhere(UpstreamEngine engine, String why) {
    Optional<Admitted> admitted = engine.admitted();
    engine.changedElsewhere(true);
    if (takeOut(engine, why) && admitted.isPresent() && !admitted.get().wire().namesWeights())
      engine.cut(Attempt.Cut.EJECTED, true);
  }

  private boolean takeOut(UpstreamEngine engine, String why) {
    synchronized (engine) {
      if (engine.admitted().isEmpty()) return false;
      engine.state(new State.Out(why, true));
    }
    LOG.warn("engine {} is ejected: {}", engine.name(), why);
    router.up(engine.node(), false);
    wake(engine);
    return true;
  }

  /// An engine that does not serve still may not.
  void refused(UpstreamEngine engine, String why) {
    if (!(engine.state() instanceof State.Out(String old, boolean asked)
        && asked
        && old.equals(why))) LOG.warn("engine {} is refused: {}", engine.name(), why);
    engine.state(new State.Out(why, true));
  }

  private void wake(UpstreamEngine engine) {
    Optional.ofNullable(watches.get(engine.name())).ifPresent(EngineWatch::wake);
  }

  /// Asks again those that do not serve.
  void lookAgain() {
    for (UpstreamEngine engine : engines) if (engine.admitted().isEmpty()) wake(engine);
  }

  /// Whether another server has brought any engine these weights.
  boolean anyHas(WeightsLabel label) {
    return engines.stream().anyMatch(engine -> engine.ahead().filter(label::equals).isPresent());
  }

  /// An attempt failed there.
  ///
  /// @param sent when it was sent, on [System#nanoTime]
  void failed(UpstreamEngine engine, EngineFault fault, long sent) throws InterruptedException {
    switch (fault.kind()) {
      case BROKEN -> eject(engine, fault.why());
      case AHEAD -> changedElsewhere(engine, fault.why());
      case GONE -> {
        if (fault.getCause() instanceof ConnectException || engine.suspect() >= SUSPICIONS)
          eject(engine, fault.why());
        else wake(engine);
      }
      case BUSY -> {
        if (!stillOurs(engine)) return;
        limit(engine, engine.concurrency().refused(load(engine).inFlight(), sent));
      }
      case REFUSED -> {}
    }
  }

  /// An engine that refuses or aborts may be about to get other weights.
  private boolean stillOurs(UpstreamEngine engine) throws InterruptedException {
    try {
      verify(engine);
      return true;
    } catch (EngineFault e) {
      if (e.kind() != EngineFault.Kind.AHEAD) return true; // its watch finds out
      changedElsewhere(engine, e.why());
      return false;
    }
  }

  void limit(UpstreamEngine engine, double limit) {
    router.limit(engine.node(), limit);
  }

  Router.Load load(UpstreamEngine engine) {
    return router.load(engine.node());
  }

  /// Names of the engines that are watched.
  Set<String> watched() {
    return Set.copyOf(watches.keySet());
  }

  List<UpstreamEngine> engines() {
    return engines;
  }

  /// The engine of a node; empty if its address is gone since.
  Optional<UpstreamEngine> engine(Node node) {
    for (UpstreamEngine engine : engines) if (engine.node() == node) return Optional.of(engine);
    return Optional.empty();
  }

  /// Engines that serve.
  List<UpstreamEngine> serving() {
    return engines.stream().filter(engine -> engine.admitted().isPresent()).toList();
  }

  /// If none serves because another server changes their weights, waits until any has this name.
  void awaitOthers(WeightsLabel name, Duration patience) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (serving().isEmpty()
        && !anyHas(name)
        && engines.stream().anyMatch(UpstreamEngine::changedElsewhere)
        && System.nanoTime() - deadline < 0) TimeUnit.MILLISECONDS.sleep(20);
  }

  /// Why none serves: a clause per engine.
  String reasons() {
    StringBuilder all = new StringBuilder();
    for (UpstreamEngine engine : engines)
      if (engine.state() instanceof State.Out(String why, _))
        all.append(all.isEmpty() ? "" : "; ").append(engine.name()).append(": ").append(why);
    return all.isEmpty() ? "there is none" : all.toString();
  }

  /// Waits until every engine was asked once, or `patience` is over.
  ///
  /// @return whether any serves, or will when this server knows the weights that it has
  boolean awaitFirst(Duration patience) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    for (EngineWatch watch : watches.values()) watch.awaitAsked(Barrier.until(deadline));
    while (!any() && System.nanoTime() - deadline < 0 && waitingMayHelp())
      TimeUnit.MILLISECONDS.sleep(20);
    return any();
  }

  private boolean any() {
    return engines.stream().anyMatch(e -> e.admitted().isPresent() || e.ahead().isPresent());
  }

  /// Whether any engine could not be reached yet, or is starting.
  private boolean waitingMayHelp() {
    return watches.isEmpty() || watches.values().stream().anyMatch(EngineWatch::unreachable);
  }

  @Override
  public synchronized void close() {
    watches.values().forEach(EngineWatch::close);
    watches.clear();
    for (UpstreamEngine engine : engines) engine.cut(Attempt.Cut.EJECTED, true);
  }
}
