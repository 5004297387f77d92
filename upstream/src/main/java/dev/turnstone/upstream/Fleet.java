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

    /// Makes it ready.
    ///
    /// @param enter lets it in, with what it serves then
    /// @throws EngineFault if the engine cannot serve what the others serve
    void prepare(UpstreamEngine engine, Admitted admitted, Consumer<Admitted> enter)
        throws EngineFault, InterruptedException;
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
    Node node =
        engines.stream()
            .filter(engine -> engine.name().equals(spec.name()))
            .map(UpstreamEngine::node)
            .findFirst()
            .orElseGet(() -> router.add(spec.name(), config.firstConcurrency()));
    engines.removeIf(engine -> engine.name().equals(spec.name()));
    var concurrency = new Concurrency(config.firstConcurrency(), config.maxConcurrency());
    router.limit(node, concurrency.limit());
    UpstreamEngine engine = new UpstreamEngine(spec, node, concurrency);
    engines.add(engine);
    watches.put(spec.name(), EngineWatch.start(this, engine, http, config.watch()));
  }

  /// No longer watches an engine whose address is gone.
  synchronized void remove(String name) {
    Optional.ofNullable(watches.remove(name)).ifPresent(EngineWatch::close);
    for (UpstreamEngine engine : engines)
      if (engine.name().equals(name)) eject(engine, "its address is gone");
  }

  /// Asks an engine whether it may serve, and lets it if so.
  void admit(UpstreamEngine engine) throws EngineFault, InterruptedException {
    Admitted admitted = admission.admit(engine.spec(), readiness.salt());
    readiness.prepare(
        engine,
        admitted,
        ready -> {
          engine.state(new State.In(ready));
          router.up(engine.node(), true);
        });
    LOG.info(
        "engine {} serves {} over {} with {} tokens of context",
        engine.name(),
        admitted.model(),
        admitted.wire().path(),
        admitted.contextLength());
  }

  /// Takes an engine out; its turns go on elsewhere.
  void eject(UpstreamEngine engine, String why) {
    synchronized (engine) {
      if (engine.admitted().isEmpty()) return;
      engine.state(new State.Out(why, true));
    }
    LOG.warn("engine {} is ejected: {}", engine.name(), why);
    router.up(engine.node(), false);
    engine.cutAll(Attempt.Cut.EJECTED);
    wake(engine);
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

  /// An attempt failed there.
  void failed(UpstreamEngine engine, EngineFault fault) {
    switch (fault.kind()) {
      case BROKEN -> eject(engine, fault.why());
      case GONE -> {
        if (fault.getCause() instanceof ConnectException || engine.suspect() >= SUSPICIONS)
          eject(engine, fault.why());
        else wake(engine);
      }
      case BUSY -> limit(engine, engine.concurrency().refused(load(engine).inFlight()));
      case REFUSED -> {}
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

  UpstreamEngine engine(Node node) {
    for (UpstreamEngine engine : engines) if (engine.node() == node) return engine;
    throw new IllegalStateException("no engine " + node.name());
  }

  /// Engines that serve.
  List<UpstreamEngine> serving() {
    return engines.stream().filter(engine -> engine.admitted().isPresent()).toList();
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
  /// @return whether any serves
  boolean awaitFirst(Duration patience) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    for (EngineWatch watch : watches.values()) watch.awaitAsked(Barrier.until(deadline));
    while (serving().isEmpty() && System.nanoTime() - deadline < 0 && waitingMayHelp())
      TimeUnit.MILLISECONDS.sleep(20);
    return !serving().isEmpty();
  }

  /// Whether any engine could not be reached yet, or is starting.
  private boolean waitingMayHelp() {
    return watches.isEmpty() || watches.values().stream().anyMatch(EngineWatch::unreachable);
  }

  @Override
  public synchronized void close() {
    watches.values().forEach(EngineWatch::close);
    watches.clear();
    for (UpstreamEngine engine : engines) engine.cutAll(Attempt.Cut.EJECTED);
  }
}
