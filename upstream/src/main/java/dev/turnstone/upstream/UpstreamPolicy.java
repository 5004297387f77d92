package dev.turnstone.upstream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.PausablePolicy;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.routing.Node;
import dev.turnstone.upstream.routing.Router;
import dev.turnstone.upstream.routing.Turn;
import dev.turnstone.upstream.wire.Ask;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import dev.turnstone.upstream.wire.EngineHttp;
import dev.turnstone.upstream.wire.EngineWire;
import dev.turnstone.upstream.wire.EventLines;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import okhttp3.Call;

/// A policy that asks engines elsewhere for tokens. Each turn has one thread, which reads one
/// attempt at a time: an attempt that breaks off is ended for good before the next one goes on from
/// its tokens, so at most one generation of a turn is ever recorded.
public final class UpstreamPolicy implements TrainablePolicy, PausablePolicy, AutoCloseable {
  private static final int FRUITLESS = 20;
  private static final long LONGEST_PAUSE_MS = 2000;

  private final UpstreamConfig config;
  private final TokenSpace space;
  private final EngineHttp http;
  private final Router router;
  private final Fleet fleet;
  private final Barrier barrier = new Barrier();
  private final Discovery discovery;
  private final FleetWeights weights;
  private volatile int contextLength;
  private boolean paused; // guarded by this

  private UpstreamPolicy(UpstreamConfig config, TokenSpace space) {
    this.config = config;
    this.space = space;
    http = new EngineHttp(config.stall());
    router = new Router(config.routing());
    weights = new FleetWeights(http, space, barrier);
    fleet = new Fleet(config, http, router, space, new Same());
    discovery =
        new Discovery(
            fleet,
            config.engines().stream().filter(EngineSpec::dns).toList(),
            Discovery::system,
            config.watch().multipliedBy(5));
  }

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
    for (UpstreamEngine engine : fleet.engines())
      engine
          .admitted()
          .flatMap(admitted -> admitted.wire().obstacle(request))
          .ifPresent(why -> {
            throw new IllegalArgumentException(why);
          });
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
    return new Generating(request, listener).run();
  }

  /// One turn.
  private final class Generating {
    private final Request request;
    private final Draft draft;
    private final long deadline;
    private final String id = UUID.randomUUID().toString();
    private final String lineage = weights.id().lineage();
    private int attempts;
    private int fruitless;
    private int refusals;
    private boolean aborted;

    Generating(Request request, TokenListener listener) {
      this.request = request;
      draft = new Draft(request, listener, space.vocabulary());
      deadline = System.nanoTime() + request.timeout().toNanos();
    }

    Generation run() throws InterruptedException, PolicyException {
      while (!draft.finished() && !aborted && left().isPositive()) {
        int before = draft.size();
        attempt();
        if (draft.size() > before) fruitless = 0;
      }
      return draft.generation(lineage);
    }

    private Duration left() {
      return Barrier.until(deadline);
    }

    /// One engine's turn at it.
    private void attempt() throws InterruptedException, PolicyException {
      Turn turn = new Turn(request.conversation(), draft.held());
      Optional<Node> node = router.take(turn, patience());
      if (node.isEmpty()) {
        if (left().isPositive() && fleet.serving().isEmpty())
          throw new PolicyException("no engine is up: " + fleet.reasons());
        return;
      }
      UpstreamEngine engine = fleet.engine(node.get());
      try {
        if (barrier.enter(left()))
          try {
            attempt(engine, turn.prompt());
          } finally {
            barrier.leave();
          }
      } finally {
        router.done(turn, node.get(), request.prompt().size() + draft.size());
      }
    }

    private Duration patience() {
      Duration wait = config.engineWait();
      return wait.compareTo(left()) < 0 ? wait : left();
    }

    private void attempt(UpstreamEngine engine, Tokens held)
        throws InterruptedException, PolicyException {
      Optional<Admitted> admitted = engine.admitted();
      if (admitted.isEmpty()) return; // ejected since it was chosen
      if (!weights.id().lineage().equals(lineage))
        throw new PolicyException("the lineage has ended");
      String name = id + "-" + attempts++;
      Ask ask = new Ask(name, admitted.get().model(), held, request, draft.size(), weights.salt());
      EngineWire wire = admitted.get().wire();
      Call call =
          http.call(engine.spec().url(), wire.path(), engine.spec().key(), wire.body(ask), left());
      Attempt attempt = new Attempt(call, weights.id().version());
      engine.attempts().add(attempt);
      if (engine.admitted().isEmpty()) attempt.cut(Attempt.Cut.EJECTED); // who ejected it missed it
      try {
        read(attempt, wire.reader(ask));
        engine.trust();
      } catch (EngineFault fault) {
        failed(engine, attempt, fault);
      } finally {
        engine.attempts().remove(attempt);
      }
    }

    private void read(Attempt attempt, EngineWire.Reader reader)
        throws EngineFault, InterruptedException {
      try (EventLines events = EventLines.open(attempt.call())) {
        for (Optional<JsonNode> event = events.next(); event.isPresent(); event = events.next()) {
          draft.add(reader.read(event.get()), attempt);
          if (attempt.cut().isPresent()) return;
        }
      }
      if (!draft.finished())
        throw new EngineFault(Kind.GONE, "its answer ends before the generation does");
    }

    private void failed(UpstreamEngine engine, Attempt attempt, EngineFault fault)
        throws InterruptedException, PolicyException {
      if (draft.finished()) return; // what broke off after the last token is no loss
      if (attempt.cut().isPresent()) {
        aborted = attempt.cut().get() == Attempt.Cut.ABORT;
        return;
      }
      if (!left().isPositive()) return;
      fleet.failed(engine, fault);
      String sentence = "engine %s: %s".formatted(engine.name(), fault.why());
      if (fault.kind() == Kind.REFUSED && ++refusals > 1) throw new PolicyException(sentence);
      if (!draft.canGoOn())
        throw new PolicyException(sentence + ", and penalties cannot go on elsewhere");
      if (++fruitless >= FRUITLESS) throw new PolicyException(sentence);
      pause();
    }

    /// The first time nothing is lost by trying at once; after that it takes a little longer each
    /// time.
    private void pause() throws InterruptedException {
      if (fruitless < 2) return;
      long millis = Math.min(LONGEST_PAUSE_MS, 10L << Math.min(fruitless, 10));
      Thread.sleep(Math.min(millis, left().toMillis()));
    }
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
      if (paused) return;
      paused = true;
    }
    barrier.close();
    weights.pause(fleet, mode);
  }

  @Override
  public void resume() throws InterruptedException {
    synchronized (this) {
      if (!paused) return;
      paused = false;
    }
    try {
      weights.resume(fleet);
    } finally {
      barrier.open();
    }
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
      for (UpstreamEngine engine : fleet.engines()) engine.cutAll(Attempt.Cut.UPDATE);
    return true;
  }

  /// What an engine carries and how it is.
  ///
  /// @param why it does not serve; empty if it does
  public record EngineStatus(
      String name,
      Optional<String> why,
      Router.Load load,
      long ejections,
      double kvUsage,
      double prompted,
      double cached) {}

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
