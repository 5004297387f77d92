package dev.turnstone.upstream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.Policy.TokenListener;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.UpstreamPolicy.Cluster;
import dev.turnstone.upstream.http.EngineCall;
import dev.turnstone.upstream.routing.Node;
import dev.turnstone.upstream.routing.Turn;
import dev.turnstone.upstream.wire.Ask;
import dev.turnstone.upstream.wire.Chunk;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import dev.turnstone.upstream.wire.EngineWire;
import dev.turnstone.upstream.wire.EventLines;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;

/// One turn, asked of one engine after the other until it ends. Confined to its thread, which reads
/// one attempt at a time.
final class Generating {
  private static final int FRUITLESS = 20;
  private static final long LONGEST_PAUSE_MS = 2000;

  /// How long whoever cuts a turn waits for the scores of what it has.
  private static final Duration SCORING = Duration.ofSeconds(20);

  private final Cluster cluster;
  private final Request request;
  private final Draft draft;
  private final long deadline;
  private final String id = UUID.randomUUID().toString();
  private final String lineage;

  /// What the attempt's engine called the weights that sampled its tokens.
  private final Set<String> labels = new TreeSet<>();

  private int attempts;
  private int fruitless;
  private int refusals;
  private boolean aborted;

  Generating(Cluster cluster, Request request, TokenListener listener) {
    this.cluster = cluster;
    this.request = request;
    lineage = cluster.weights().id().lineage();
    draft = new Draft(request, listener, cluster.vocabulary());
    deadline = System.nanoTime() + request.timeout().toNanos();
  }

  Generation run() throws InterruptedException, PolicyException {
    while (!draft.complete() && !aborted && left().isPositive()) {
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
    Optional<Node> node = cluster.router().take(turn, patience());
    if (node.isEmpty()) {
      if (left().isPositive() && cluster.fleet().serving().isEmpty())
        throw new PolicyException("no engine is up: " + cluster.fleet().reasons());
      return;
    }
    try {
      Optional<UpstreamEngine> engine = cluster.fleet().engine(node.get());
      if (engine.isPresent() && cluster.barrier().enter(left()))
        try {
          attempt(engine.get(), turn.prompt());
        } finally {
          cluster.barrier().leave();
        }
    } finally {
      cluster.router().done(turn, node.get(), request.prompt().size() + draft.size());
    }
  }

  private Duration patience() {
    Duration wait = cluster.engineWait();
    return wait.compareTo(left()) < 0 ? wait : left();
  }

  private void attempt(UpstreamEngine engine, Tokens held)
      throws InterruptedException, PolicyException {
    Optional<Admitted> admitted = engine.admitted();
    if (admitted.isEmpty()) return; // ejected since it was chosen
    FleetWeights weights = cluster.weights();
    if (!weights.id().lineage().equals(lineage)) throw new PolicyException("the lineage has ended");
    if (draft.wantsPrompt()) scorePrompt(engine, admitted.get());
    if (draft.finished() || draft.wantsPrompt()) return;
    String name = id + "-" + attempts++;
    Ask ask =
        new Ask(
            name,
            admitted.get().model(),
            held,
            request,
            draft.size(),
            weights.salt(request.cacheSalt()));
    EngineWire wire = admitted.get().wire();
    EngineSpec spec = engine.spec();
    EngineCall call =
        cluster.http().call(spec.url(), wire.path(), spec.key(), wire.body(ask), left());
    Attempt attempt = attempt(engine, admitted.get(), call, Draft.divisible(request));
    if (engine.admitted().isEmpty()) attempt.cut(Attempt.Cut.EJECTED); // who ejected it missed it
    draft.scoredApart(wire.scoredApart(request));
    labels.clear();
    int first = draft.size();
    try {
      read(engine, attempt, wire.reader(ask));
      engine.trust();
    } catch (EngineFault fault) {
      failed(engine, attempt, fault);
    } finally {
      engine.attempts().remove(attempt);
    }
    attempt.found().ifPresent(labels::add);
    if (attempt.found().isPresent())
      sampledBy(engine, attempt, attempt.found().get(), first, draft.size());
    // Who ejected an engine does not believe it any more, or others have brought it weights.
    if (attempt.cut().filter(Attempt.Cut.EJECTED::equals).isPresent()) draft.dropUntold();
    if (draft.told() < draft.size()) score(engine, admitted.get(), attempt);
  }

  /// Scores the prompt. It is asked for again if it is cut or its engine fails.
  private void scorePrompt(UpstreamEngine engine, Admitted admitted)
      throws InterruptedException, PolicyException {
    int top = request.promptLogprobs().orElseThrow();
    Scorer scorer =
        new Scorer(
            cluster.http(), engine.spec(), admitted, cluster.weights().salt(request.cacheSalt()));
    Scorer.Question question = scorer.question(request.prompt(), 0, top, left());
    Attempt attempt = attempt(engine, admitted, question.call(), true);
    try {
      draft.prompt(Scorer.cut(scorer.ask(question).scores(), top));
    } catch (EngineFault fault) {
      failed(engine, attempt, fault);
    } finally {
      engine.attempts().remove(attempt);
    }
  }

  private Attempt attempt(
      UpstreamEngine engine, Admitted admitted, EngineCall call, boolean divisible) {
    Attempt attempt =
        new Attempt(call, cluster.weights().id().version(), admitted.label(), divisible);
    engine.attempts().add(attempt);
    return attempt;
  }

  /// Scores what an attempt brought, under the weights that sampled it: nothing changes them before
  /// the attempt is over. What cannot be scored is dropped, and the turn goes on before it.
  private void score(UpstreamEngine engine, Admitted admitted, Attempt before)
      throws InterruptedException, PolicyException {
    Tokens all = draft.held();
    int from = request.prompt().size() + draft.told();
    int top = Math.max(1, request.topLogprobs());
    Scorer scorer =
        new Scorer(
            cluster.http(), engine.spec(), admitted, cluster.weights().salt(request.cacheSalt()));
    Duration patience = patience(before);
    long until = System.nanoTime() + patience.toNanos();
    Scorer.Question question = scorer.question(all, from, top, patience);
    Attempt attempt = attempt(engine, admitted, question.call(), false);
    // Whoever cut the tokens off waits for their scores.
    if (before.cut().isPresent()) engine.attempts().remove(attempt);
    try {
      PromptLogprobs scores = scorer.ask(question).scores();
      scores =
          scorer.recorded(
              request.sampling(), all, from, scores, until, () -> attempt.cut().isPresent());
      checkSame(engine, before, Barrier.until(until));
      if (attempt.cut().isPresent()) throw new EngineFault(Kind.GONE, "it was cut off");
      draft.scored(Scorer.cut(scores, request.topLogprobs()));
    } catch (EngineFault fault) {
      draft.dropUntold();
      failed(engine, attempt, fault);
    } finally {
      engine.attempts().remove(attempt);
    }
  }

  /// Weights that an engine has when it has scored, and had when it sampled, are those that scored.
  private void checkSame(UpstreamEngine engine, Attempt before, Duration patience)
      throws EngineFault, InterruptedException {
    if (before.label().isEmpty()) return;
    if (labels.isEmpty()) labels.add(before.label());
    String now = new EngineControl(cluster.http(), engine.spec()).label(patience);
    labels.add(now);
    // Under that name an engine may have either.
    if (labels.size() > 1 || WeightsLabel.underWay(now, EngineWeights.now()))
      throw new EngineFault(Kind.AHEAD, "its weights were one after the other " + labels);
  }

  /// A turn whose time is over still says what it has.
  private Duration patience(Attempt before) {
    boolean broken = before.cut().isPresent() || !draft.finished();
    return broken || left().compareTo(SCORING) < 0 ? SCORING : left();
  }

  private void read(UpstreamEngine engine, Attempt attempt, EngineWire.Reader reader)
      throws EngineFault, InterruptedException, PolicyException {
    int first = draft.size();
    try (EventLines events = EventLines.open(attempt.call())) {
      for (Optional<JsonNode> event = events.next(); event.isPresent(); event = events.next()) {
        Chunk chunk = reader.read(event.get());
        Optional<EngineFault> end = draft.add(chunk, attempt);
        if (!chunk.weights().isEmpty()) sampledBy(engine, attempt, chunk.weights(), first);
        if (!attempt.label().isEmpty()) chunk.weights().forEach(span -> labels.add(span.label()));
        if (end.isPresent()) throw end.get();
        // What a cut means for the turn is the same wherever it is noticed.
        if (attempt.cut().isPresent()) throw new EngineFault(Kind.GONE, "it was cut off");
      }
    }
    if (!draft.finished())
      throw new EngineFault(Kind.GONE, "its answer ends before the generation does");
  }

  /// The engine says which weights sampled tokens. If another server has brought it newer ones
  /// meanwhile, their version is what is recorded; tokens of weights without one are not.
  ///
  /// @param first of the attempt's tokens
  private void sampledBy(
      UpstreamEngine engine, Attempt attempt, List<Chunk.Weights> spans, int first)
      throws PolicyException, InterruptedException {
    for (int i = 0; i < spans.size(); i++) {
      Chunk.Weights span = spans.get(i);
      String label = span.label();
      if (attempt.label().isEmpty() || label.equals(attempt.label())) continue;
      if (WeightsLabel.underWay(label, EngineWeights.now())) {
        // A server names what it is about to bring before it ends what runs.
        if (span.from() > 0) continue;
        label = i + 1 < spans.size() ? spans.get(i + 1).label() : brought(engine);
      }
      sampledBy(engine, attempt, label, first + span.from(), first + span.to());
    }
  }

  /// What the engine calls its weights once another server has brought them.
  private String brought(UpstreamEngine engine) throws PolicyException, InterruptedException {
    EngineControl control = new EngineControl(cluster.http(), engine.spec());
    try {
      String label = control.label();
      while (WeightsLabel.underWay(label, EngineWeights.now()) && left().isPositive()) {
        Thread.sleep(100);
        label = control.label();
      }
      return label;
    } catch (EngineFault e) {
      throw new PolicyException("engine %s: %s".formatted(engine.name(), e.why()));
    }
  }

  private void sampledBy(UpstreamEngine engine, Attempt attempt, String label, int from, int to)
      throws PolicyException {
    if (from >= to || attempt.label().isEmpty() || label.equals(attempt.label())) return;
    String sentence = "its weights were %s and are %s".formatted(attempt.label(), label);
    // An update that cuts the attempt has seen it itself.
    if (attempt.cut().isEmpty()) cluster.fleet().changedElsewhere(engine, sentence);
    int version =
        WeightsLabel.parse(label)
            .filter(theirs -> theirs.lineage().equals(lineage))
            .orElseThrow(
                () -> new PolicyException("engine %s: %s".formatted(engine.name(), sentence)))
            .version();
    draft.sampledBy(version, from, to);
  }

  private void failed(UpstreamEngine engine, Attempt attempt, EngineFault fault)
      throws InterruptedException, PolicyException {
    if (draft.complete()) return; // what broke off after the last token is no loss
    Optional<Attempt.Cut> cut = attempt.cut();
    if (cut.isPresent()) {
      aborted = cut.get() == Attempt.Cut.ABORT;
      if (!aborted) checkDivisible("engine %s: it was cut off".formatted(engine.name()));
      return;
    }
    if (!left().isPositive()) return;
    cluster.fleet().failed(engine, fault, attempt.sent());
    String sentence = "engine %s: %s".formatted(engine.name(), fault.why());
    if (fault.kind() == Kind.REFUSED && ++refusals > 1) throw refused(sentence);
    checkDivisible(sentence);
    if (++fruitless >= FRUITLESS) throw new PolicyException(sentence);
    pause();
  }

  /// An engine that takes other requests does not take what this one asks for beside its prompt.
  private PolicyException refused(String sentence) {
    if (request.constraint().isPresent() || request.promptLogprobs().isPresent())
      throw new IllegalArgumentException(sentence);
    return new PolicyException(sentence);
  }

  private void checkDivisible(String sentence) throws PolicyException {
    if (Draft.divisible(request)) return;
    draft.dropUntold(); // what nobody has heard can begin again
    if (draft.size() > 0)
      throw new PolicyException(
          sentence + ", and penalties, bad words and constraints cannot go on elsewhere");
  }

  /// The first time nothing is lost by trying at once; after that it takes a little longer each
  /// time.
  private void pause() throws InterruptedException {
    if (fruitless < 2) return;
    long millis = Math.min(LONGEST_PAUSE_MS, 10L << Math.min(fruitless, 10));
    Thread.sleep(Math.min(millis, left().toMillis()));
  }
}
