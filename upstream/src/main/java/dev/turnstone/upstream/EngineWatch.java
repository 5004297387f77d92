package dev.turnstone.upstream;

import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import dev.turnstone.upstream.wire.EngineHttp;
import dev.turnstone.upstream.wire.EngineHttp.Answer;
import java.net.ConnectException;
import java.time.Duration;
import java.util.OptionalDouble;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Watches one engine on a thread of its own: while it serves, its health and figures; while it
/// does not, whether it may again.
final class EngineWatch implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EngineWatch.class);
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final int FAILURES = 2;
  private static final int LONGEST_WAIT = 30;

  private final Fleet fleet;
  private final UpstreamEngine engine;
  private final EngineHttp http;
  private final Duration interval;
  private final Thread thread;
  private final CountDownLatch asked = new CountDownLatch(1);
  private final Semaphore woken = new Semaphore(0);
  private volatile boolean unreachable = true;
  private int failures;
  private int refusals;
  private OptionalDouble started = OptionalDouble.empty();

  private EngineWatch(Fleet fleet, UpstreamEngine engine, EngineHttp http, Duration interval) {
    this.fleet = fleet;
    this.engine = engine;
    this.http = http;
    this.interval = interval;
    thread = Thread.ofVirtual().name("engine-watch " + engine.name()).unstarted(this::run);
  }

  static EngineWatch start(Fleet fleet, UpstreamEngine engine, EngineHttp http, Duration interval) {
    EngineWatch watch = new EngineWatch(fleet, engine, http, interval);
    watch.thread.start();
    return watch;
  }

  /// Looks at once.
  void wake() {
    woken.release();
  }

  void awaitAsked(Duration patience) throws InterruptedException {
    if (!asked.await(patience.toMillis(), TimeUnit.MILLISECONDS))
      LOG.debug("engine {} has not answered yet", engine.name());
  }

  /// Whether it could not be reached when it was last asked.
  boolean unreachable() {
    return unreachable;
  }

  private void run() {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        lookWell();
        asked.countDown();
        boolean early = woken.tryAcquire(untilNext().toMillis(), TimeUnit.MILLISECONDS);
        woken.drainPermits();
        // An ejected engine is not asked again at once: whoever ejected it has just asked it.
        if (early && engine.admitted().isEmpty() && engine.ahead().isEmpty())
          TimeUnit.MILLISECONDS.sleep(interval.toMillis());
      }
    } catch (InterruptedException e) {
      // Closed.
    }
  }

  /// A defect of ours takes the engine out, and does not end the watch.
  private void lookWell() throws InterruptedException {
    try {
      look();
    } catch (RuntimeException e) {
      LOG.error("the watch over engine {} failed", engine.name(), e);
      refusals++;
      unreachable = false;
      fleet.eject(engine, "defect: " + e);
      fleet.refused(engine, "defect: " + e);
    }
  }

  /// Longer from one refusal to the next; an engine that is only away is asked again soon.
  private Duration untilNext() {
    if (engine.admitted().isPresent() || unreachable) return interval;
    return interval.multipliedBy(Math.min(LONGEST_WAIT, 1L << Math.min(refusals, 5)));
  }

  private void look() throws InterruptedException {
    if (engine.admitted().isPresent()) check();
    else admit();
  }

  private void admit() throws InterruptedException {
    try {
      fleet.admit(engine);
    } catch (EngineFault e) {
      unreachable = e.kind() != Kind.BROKEN && e.kind() != Kind.REFUSED;
      if (!unreachable) refusals++;
      engine.changedElsewhere(e.kind() == Kind.AHEAD || e.kind() == Kind.BUSY);
      fleet.refused(engine, e.why());
      return;
    }
    failures = 0;
    refusals = 0;
    unreachable = false;
    started = OptionalDouble.empty();
    check();
  }

  private void check() throws InterruptedException {
    try {
      Answer health = http.get(engine.spec().url(), "/health", engine.spec().key(), PATIENCE);
      if (health.status() >= 500)
        throw new EngineFault(Kind.GONE, "its /health answers " + health.status());
      failures = 0;
      engine.trust();
      fleet.verify(engine);
      figures();
    } catch (EngineFault e) {
      boolean sure = e.getCause() instanceof ConnectException || engine.suspected();
      if (e.kind() == Kind.AHEAD) fleet.changedElsewhere(engine, e.why());
      else if (sure || ++failures >= FAILURES || e.kind() == Kind.BROKEN) {
        unreachable = true;
        fleet.eject(engine, e.why());
      }
    }
  }

  private void figures() throws EngineFault, InterruptedException {
    Answer answer = http.get(engine.spec().url(), "/metrics", engine.spec().key(), PATIENCE);
    if (!answer.ok()) {
      engine.noFigures();
      return;
    }
    Figures now = Figures.parse(answer.text());
    engine.figures(now);
    if (started.isPresent() && now.started().isPresent() && !started.equals(now.started())) {
      started = OptionalDouble.empty();
      fleet.eject(engine, "it was started again, so its weights are not known");
      return;
    }
    started = now.started();
    fleet.limit(
        engine,
        engine
            .concurrency()
            .observe(now.kvUsage(), now.preempted(), now.queued(), fleet.load(engine).inFlight()));
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
