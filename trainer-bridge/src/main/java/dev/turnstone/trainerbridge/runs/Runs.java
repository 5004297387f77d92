package dev.turnstone.trainerbridge.runs;

import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Rollout;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.WeightsUpdate.Kv;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.trainerbridge.log.LogException;
import dev.turnstone.trainerbridge.log.Retention;
import dev.turnstone.trainerbridge.log.RunTable;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.spec.RunSpec.Driver;
import dev.turnstone.trainerbridge.weights.Weights;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// All runs of a server, and the rule that one of them owns the policy's weights.
public final class Runs implements AutoCloseable {
  private static final int MAX_RUNS = 1000;

  /// Runs that have ended and whose events all stay.
  private static final int ENDED_KEPT = 16;

  private static final Duration SYNC = Duration.ofMillis(200);

  // In units of SYNC.
  private static final int TICK = 5;
  private static final int SWEEP = 300;

  private static final Logger LOG = LoggerFactory.getLogger(Runs.class);

  private final RunContext context;
  private final Weights weights;
  private final Upkeep upkeep;
  private final Map<String, Run> runs = new ConcurrentHashMap<>();
  private final ReentrantLock creating = new ReentrantLock();
  private Optional<Thread> ticker = Optional.empty();

  /// How the log is looked after.
  ///
  /// @param keep how much of what no trainer can ask for again stays
  /// @param lease how long a server that says nothing keeps its groups
  public record Upkeep(Retention.Policy keep, Duration lease) {}

  /// Reads the runs in the log; [#start] makes them go on.
  ///
  /// @param environments by registered name, asked when a rollout starts
  /// @param agents plays the rollouts that outside agents drive
  /// @param nanoTime a clock such as `System::nanoTime`
  public Runs(
      TrajectoryLog log,
      Rollout.Agent agent,
      PolicyIdentity policy,
      Function<String, Optional<Environment>> environments,
      AgentDriver agents,
      Weights weights,
      Upkeep upkeep,
      LongSupplier nanoTime) {
    this.context =
        new RunContext(
            log,
            agent,
            policy,
            environments,
            agents,
            this::apply,
            weights::upload,
            weights::behind,
            nanoTime);
    this.weights = weights;
    this.upkeep = upkeep;
    for (RunTable.Stored stored : log.runs().all())
      runs.put(stored.spec().run(), new Run(stored, context));
  }

  /// Goes on with every run where the last process stopped. Call once.
  public void start() {
    if (context.log().shared()) context.log().servers().renew(upkeep.lease());
    runs.values().forEach(Run::start);
    ticker = Optional.of(Thread.ofVirtual().name("runs-clock").start(this::work));
  }

  /// Makes a run durable and starts it.
  public Created create(RunSpec spec) {
    creating.lock();
    try {
      Optional<Run> known = find(spec.run());
      if (known.isPresent())
        return known.get().spec().equals(spec)
            ? new Created.Known(known.get())
            : new Created.Refused("run is known with another body: " + spec.run());
      if (spec.driver() == Driver.ENVIRONMENT
          && context.environments().apply(spec.environment()).isEmpty())
        return new Created.Refused("no environment is registered as " + spec.environment());
      if (runs.size() >= MAX_RUNS)
        return new Created.Refused("there are %d runs already".formatted(MAX_RUNS));
      if (!context.log().runs().insert(spec)) {
        // Another server made it just now.
        Run theirs = adopt(spec.run()).orElseThrow();
        return theirs.spec().equals(spec)
            ? new Created.Known(theirs)
            : new Created.Refused("run is known with another body: " + spec.run());
      }
      Run run = new Run(RunTable.Stored.fresh(spec), context);
      run.start();
      runs.put(spec.run(), run);
      return new Created.Fresh(run);
    } finally {
      creating.unlock();
    }
  }

  /// A run that this server knows. Never blocks.
  public Optional<Run> find(String run) {
    return Optional.ofNullable(runs.get(run));
  }

  /// A run that this server knows, or that another one made a moment ago.
  public Optional<Run> lookUp(String run) {
    Optional<Run> known = find(run);
    if (known.isPresent() || !context.log().shared()) return known;
    creating.lock();
    try {
      return adopt(run);
    } finally {
      creating.unlock();
    }
  }

  private Optional<Run> adopt(String name) {
    Optional<Run> known = find(name);
    if (known.isPresent()) return known;
    Optional<Run> theirs = context.log().runs().find(name).map(stored -> new Run(stored, context));
    theirs.ifPresent(run -> {
      runs.put(name, run);
      run.start();
    });
    return theirs;
  }

  public List<Run> all() {
    return List.copyOf(runs.values());
  }

  /// Applies new weights for whoever may: the run that owns them, with its current epoch, or anyone
  /// while no live run owns them.
  public WeightsOutcome apply(WeightsRequest request) {
    Optional<RunSpec> spec = request.run().flatMap(this::find).map(Run::spec);
    WeightsOutcome outcome =
        weights.apply(
            request,
            spec.map(RunSpec::pause).orElse(Pause.KEEP),
            spec.map(RunSpec::kv).orElse(Kv.RECOMPUTE),
            () -> objection(request));
    if (outcome instanceof WeightsOutcome.Applied(TrainablePolicy.Applied update, boolean fresh))
      tell(update, fresh);
    if (outcome instanceof WeightsOutcome.Refused(String why))
      request
          .run()
          .flatMap(this::find)
          .ifPresent(run ->
              run.events()
                  .tell(
                      new RunEvent.WeightsFailed(
                          new FeedMessage.WeightsFailed(
                              request.id().lineage(), request.id().version(), why))));
    return outcome;
  }

  private Optional<String> objection(WeightsRequest request) {
    Optional<Run> run = request.run().flatMap(this::find);
    if (request.run().isPresent() && run.isEmpty())
      return Optional.of("there is no run " + request.run().get());
    if (run.isPresent()) {
      long epoch = run.get().epoch();
      if (epoch > 0 && request.epoch().orElse(0) != epoch)
        return Optional.of(
            "epoch %s is not the run's, which is %d"
                .formatted(
                    request.epoch().isPresent() ? request.epoch().getAsLong() : "(none)", epoch));
    }
    return weights
        .owner()
        .filter(owner -> !request.run().equals(Optional.of(owner)))
        .flatMap(this::find)
        .filter(Run::needsWeights)
        .map(owner -> "run " + owner.spec().run() + " owns the policy's weights");
  }

  private void tell(TrainablePolicy.Applied update, boolean newLineage) {
    FeedMessage.WeightsApplied applied =
        new FeedMessage.WeightsApplied(
            update.id().lineage(),
            update.id().version(),
            update.loadMillis(),
            update.pauseMillis());
    runs.values().forEach(run -> run.weightsApplied(applied, newLineage));
  }

  /// Admits nothing more and waits for the groups that run.
  ///
  /// @return whether all were settled in time
  public boolean drain(Duration patience) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    boolean drained = true;
    for (Run run : runs.values())
      drained &= run.drain(Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
    return drained;
  }

  /// Stops without finishing anything; the next process goes on.
  @Override
  public void close() {
    stopClock();
    List<Thread> closing = new ArrayList<>();
    for (Run run : runs.values())
      closing.add(Thread.ofVirtual().name("close " + run.spec().run()).start(run::close));
    for (Thread thread : closing) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
    leave();
  }

  void stopClock() {
    ticker.ifPresent(Thread::interrupt);
  }

  /// Others may take this server's groups at once.
  private void leave() {
    if (!context.log().shared()) return;
    try {
      context.log().servers().leave();
    } catch (LogException e) {
      LOG.warn("the lease was not given back: {}", e.getMessage());
    }
  }

  private void work() {
    try {
      for (long beat = 0; ; beat++) {
        Thread.sleep(SYNC);
        try {
          work(beat);
        } catch (LogException e) {
          LOG.warn("the runs wait for the log: {}", e.getMessage());
        } catch (RuntimeException | Error e) {
          // Without its clock no group would meet its deadline, and the lease would run out.
          LOG.error("the runs' clock failed and goes on", e);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void work(long beat) {
    TrajectoryLog log = context.log();
    boolean tick = beat % TICK == 0;
    if (tick && log.trouble().isPresent()) log.probe();
    if (log.shared()) {
      if (tick) log.servers().renew(upkeep.lease());
      follow();
    }
    if (tick) runs.values().forEach(Run::tick);
    if (beat % SWEEP == 0) trimEvents();
    if (beat % SWEEP == 0 && (log.trouble().isEmpty() || log.full()))
      log.retention().sweep(upkeep.keep());
  }

  /// What happened in runs that ended before others did need not all be known any more.
  void trimEvents() {
    runs.values().stream()
        .map(Run::events)
        .filter(events -> events.ended() > 0)
        .sorted(Comparator.comparingLong(RunEvents::ended).reversed())
        .skip(ENDED_KEPT)
        .forEach(RunEvents::trim);
  }

  /// Takes what other servers wrote: newer weights, new runs, and where each run is.
  private void follow() {
    weights.follow().ifPresent(applied -> tell(applied.update(), applied.newLineage()));
    for (RunTable.Marks marks : context.log().runs().marks())
      find(marks.run())
          .ifPresentOrElse(
              run -> run.refresh(marks),
              () -> {
                var _ = lookUp(marks.run());
              });
  }
}
