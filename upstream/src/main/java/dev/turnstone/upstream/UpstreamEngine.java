package dev.turnstone.upstream;

import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.routing.Concurrency;
import dev.turnstone.upstream.routing.Node;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/// One engine: what it is, whether it serves, and what it is doing for us.
final class UpstreamEngine {
  private final EngineSpec spec;
  private final Node node;
  private final Concurrency concurrency;
  private final Set<Attempt> attempts = ConcurrentHashMap.newKeySet();
  private final AtomicInteger suspicions = new AtomicInteger();
  private final AtomicLong ejections = new AtomicLong();
  private volatile State state = new State.Out("it has not answered yet", false);
  private volatile boolean changedElsewhere;
  private volatile Optional<WeightsLabel> ahead = Optional.empty();
  private volatile Optional<Figures> figures = Optional.empty();

  UpstreamEngine(EngineSpec spec, Node node, Concurrency concurrency) {
    this.spec = spec;
    this.node = node;
    this.concurrency = concurrency;
  }

  /// Whether it takes turns.
  sealed interface State {
    record In(Admitted admitted) implements State {}

    /// It does not.
    ///
    /// @param why in one sentence
    /// @param asked whether it was ever asked
    record Out(String why, boolean asked) implements State {}
  }

  String name() {
    return spec.name();
  }

  EngineSpec spec() {
    return spec;
  }

  Node node() {
    return node;
  }

  Concurrency concurrency() {
    return concurrency;
  }

  State state() {
    return state;
  }

  void state(State next) {
    if (state instanceof State.In && next instanceof State.Out) ejections.incrementAndGet();
    if (next instanceof State.In) suspicions.set(0);
    state = next;
  }

  Optional<Admitted> admitted() {
    return state instanceof State.In(Admitted admitted) ? Optional.of(admitted) : Optional.empty();
  }

  /// Serves something else from now on, unless it was ejected meanwhile: then its watch admits it
  /// again.
  ///
  /// @return whether it serves
  synchronized boolean serveNow(Admitted admitted) {
    if (admitted().isEmpty()) return false;
    state = new State.In(admitted);
    return true;
  }

  /// Attempts that run there.
  Set<Attempt> attempts() {
    return attempts;
  }

  /// Ends attempts.
  ///
  /// @param all also those whose turn could not go on
  void cut(Attempt.Cut why, boolean all) {
    for (Attempt attempt : attempts) if (all || attempt.divisible()) attempt.cut(why);
  }

  /// It calls its weights otherwise than when what runs there was sent.
  void found(String label) {
    attempts.forEach(attempt -> attempt.found(label));
  }

  /// Whether another server is changing its weights or has done so.
  boolean changedElsewhere() {
    return changedElsewhere;
  }

  void changedElsewhere(boolean now) {
    changedElsewhere = now;
  }

  /// What another server has brought it, while this server does not know it.
  Optional<WeightsLabel> ahead() {
    return ahead;
  }

  void ahead(Optional<WeightsLabel> now) {
    ahead = now;
  }

  /// Something went wrong that may be its fault.
  ///
  /// @return how often in a row
  int suspect() {
    return suspicions.incrementAndGet();
  }

  void trust() {
    if (suspicions.get() > 0) suspicions.set(0);
  }

  boolean suspected() {
    return suspicions.get() > 0;
  }

  long ejections() {
    return ejections.get();
  }

  Optional<Figures> figures() {
    return figures;
  }

  void figures(Figures now) {
    figures = Optional.of(now);
  }

  void noFigures() {
    figures = Optional.empty();
  }
}
