package dev.turnstone.upstream;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.PausablePolicy;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.routing.Router;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import dev.turnstone.upstream.wire.EngineHttp;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/// A policy that asks engines elsewhere for tokens. Each turn has one thread, which reads one
/// attempt at a time: an attempt that breaks off is ended for good before the next one goes on from
/// its tokens, so at most one generation of a turn is ever recorded.
public final class UpstreamPolicy implements TrainablePolicy, PausablePolicy, AutoCloseable {
  private final TokenSpace space;
  private final EngineHttp http;
  private final Router router;
  private final Fleet fleet;
  private final Barrier barrier = new Barrier();
  private final Discovery discovery;
  private final Standstill standstill;
  private final FleetWeights weights;
  private final Cluster cluster;
  private volatile int contextLength;
  private boolean paused; // guarded by this

  private UpstreamPolicy(UpstreamConfig config, TokenSpace space) {
    this.space = space;
    http = new EngineHttp(config.stall());
    router = new Router(config.routing());
    standstill = new Standstill(http, barrier);
    weights = new FleetWeights(http, space, barrier, standstill);
    fleet = new Fleet(config, http, router, space, new Same());
    discovery =
        new Discovery(
            fleet,
            config.engines().stream().filter(EngineSpec::dns).toList(),
            Discovery::system,
            config.watch().multipliedBy(5));
    cluster =
        new Cluster(http, router, fleet, barrier, weights, space.vocabulary(), config.engineWait());
  }

  /// What turns need of the engines.
  ///
  /// @param engineWait how long a turn waits while no engine is up
  record Cluster(
      EngineHttp http,
      Router router,
      Fleet fleet,
      Barrier barrier,
      FleetWeights weights,
      int vocabulary,
      Duration engineWait) {}

  /// No engine may serve; the sentence says why of each.
  public static final class NoEngine extends Exception {
    private static final long serialVersionUID = 1;

    NoEngine(String message) {
      super(message);
    }
  }

  /// Asks all engines whether they may serve, and waits for the first that may.
  ///
  /// @throws NoEngine if none may
  public static UpstreamPolicy open(UpstreamConfig config, TokenSpace space)
      throws NoEngine, InterruptedException {
    UpstreamPolicy policy = new UpstreamPolicy(config, space);
    config.engines().stream().filter(engine -> !engine.dns()).forEach(policy.fleet::add);
    policy.discovery.start();
    if (policy.fleet.awaitFirst(config.startWait())) return policy;
    String reasons = policy.fleet.reasons();
    policy.close();
    throw new NoEngine("no engine can serve: " + reasons);
  }

  /// What an engine needs before it serves.
  private final class Same implements Fleet.Readiness {
    @Override
    public String salt() {
      return weights.salt();
    }

    @Override
    public void goOn(EngineSpec spec) throws EngineFault, InterruptedException {
      standstill.goOn(spec, () -> !paused());
    }

    @Override
    public void gone(UpstreamEngine engine) {
      weights.gone(engine);
    }

    @Override
    public void prepare(UpstreamEngine engine, Admitted admitted, Consumer<Admitted> enter)
        throws EngineFault, InterruptedException {
      int context = admitted.contextLength();
      synchronized (UpstreamPolicy.this) {
        if (contextLength == 0) contextLength = context;
        if (context < contextLength)
          throw new EngineFault(
              Kind.BROKEN,
              "its context has %d tokens, but those of others have %d"
                  .formatted(context, contextLength));
      }
      weights.join(engine, admitted, enter);
    }

    @Override
    public void verify(UpstreamEngine engine) throws EngineFault, InterruptedException {
      weights.verify(engine);
    }
  }

  @Override
  public void check(Request request) {
    for (int i = 0; i < request.prompt().size(); i++) {
      int id = request.prompt().get(i);
      if (id < 0 || id >= space.vocabulary()) checkId("token id %d at %d".formatted(id, i), id);
    }
    request.sampling().logitBias().keySet().forEach(id -> checkId("logit_bias of id " + id, id));
    request.sampling().allowedIds().forEach(id -> checkId("allowed_token_ids with " + id, id));
    if (request.prompt().size() + Math.min(1, request.maxTokens()) > contextLength)
      throw new IllegalArgumentException(
          "a prompt of %d tokens leaves no room in a context of %d"
              .formatted(request.prompt().size(), contextLength));
    for (Tokens word : request.sampling().badWords()) checkIds("bad_words with ", word);
    checkIds("logprob_token_ids with ", request.logprobIds());
    request.constraint().ifPresent(space.sound());
    for (UpstreamEngine engine : fleet.engines())
      engine
          .admitted()
          .flatMap(admitted -> admitted.wire().obstacle(request))
          .ifPresent(why -> {
            throw new IllegalArgumentException(why);
          });
  }

  private void checkIds(String what, Tokens ids) {
    for (int i = 0; i < ids.size(); i++) checkId(what + ids.get(i), ids.get(i));
  }

  private void checkId(String what, int id) {
    if (id < 0 || id >= space.vocabulary())
      throw new IllegalArgumentException(
          "%s is not in [0, %d)".formatted(what, space.vocabulary()));
  }

  @Override
  public Generation generate(Request request, TokenListener listener)
      throws InterruptedException, PolicyException {
    check(request);
    return new Generating(cluster, request, listener).run();
  }

  @Override
  public int contextLength() {
    return contextLength;
  }

  @Override
  public WeightsId weights() {
    return weights.id();
  }

  @Override
  public void forget(String conversation) {
    router.forget(conversation);
  }

  @Override
  public Applied apply(WeightsUpdate update) throws WeightsRejected, InterruptedException {
    return weights.apply(fleet, update, paused());
  }

  @Override
  public void pause(WeightsUpdate.Pause mode) throws InterruptedException {
    synchronized (this) {
      if (!paused) barrier.close();
      paused = true;
    }
    standstill.begin(fleet, mode, this::paused);
  }

  @Override
  public void resume() throws InterruptedException {
    synchronized (this) {
      if (!paused) return;
      paused = false;
    }
    try {
      standstill.end(fleet, fleet.serving(), () -> !paused());
    } finally {
      barrier.open();
    }
    fleet.lookAgain();
  }

  @Override
  public synchronized boolean paused() {
    return paused;
  }

  @Override
  public boolean forgetPrefixes(boolean restartRunning) throws InterruptedException {
    if (!restartRunning && barrier.inside() > 0) return false;
    weights.forget();
    if (restartRunning)
      for (UpstreamEngine engine : fleet.engines()) engine.cut(Attempt.Cut.UPDATE, false);
    return true;
  }

  /// What each engine carries and how it is.
  public List<EngineStatus> engines() {
    return fleet.engines().stream().map(this::status).toList();
  }

  private EngineStatus status(UpstreamEngine engine) {
    Optional<Figures> figures = engine.figures();
    return new EngineStatus(
        engine.name(),
        engine.state() instanceof UpstreamEngine.State.Out(String why, _)
            ? Optional.of(why)
            : Optional.empty(),
        fleet.load(engine),
        engine.ejections(),
        figures.map(Figures::kvUsage).orElse(0.0),
        figures.map(Figures::prompted).orElse(0.0),
        figures.map(Figures::cached).orElse(0.0));
  }

  /// Turns that wait for an engine.
  public int waiting() {
    return router.waiting();
  }

  @Override
  public void close() {
    discovery.close();
    fleet.close();
    http.close();
  }
}
