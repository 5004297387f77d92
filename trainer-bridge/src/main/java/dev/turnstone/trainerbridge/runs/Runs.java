package dev.turnstone.trainerbridge.runs;

import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Rollout;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.WeightsUpdate.Kv;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.trainerbridge.log.RunTable;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.Weights;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.LongSupplier;

/// All runs of a server, and the rule that one of them owns the policy's weights.
public final class Runs implements AutoCloseable {
  private static final int MAX_RUNS = 1000;
  private static final Duration TICK = Duration.ofSeconds(1);

  private final RunContext context;
  private final Weights weights;
  private final Map<String, Run> runs = new ConcurrentHashMap<>();
  private final ReentrantLock creating = new ReentrantLock();
  private Optional<Thread> ticker = Optional.empty();

  /// Reads the runs in the log; [#start] makes them go on.
  ///
  /// @param environments by registered name, asked when a rollout starts
  /// @param nanoTime a clock such as `System::nanoTime`
  public Runs(
      TrajectoryLog log,
      Rollout.Agent agent,
      PolicyIdentity policy,
      Function<String, Optional<Environment>> environments,
      Weights weights,
      LongSupplier nanoTime) {
    this.context = new RunContext(log, agent, policy, environments, this::apply, nanoTime);
    this.weights = weights;
    for (RunTable.Stored stored : log.runs().all())
      runs.put(stored.spec().run(), new Run(stored, context));
  }

  /// Goes on with every run where the last process stopped. Call once.
  public void start() {
    runs.values().forEach(Run::start);
    ticker = Optional.of(Thread.ofVirtual().name("group-deadlines").start(this::tick));
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
      if (context.environments().apply(spec.environment()).isEmpty())
        return new Created.Refused("no environment is registered as " + spec.environment());
      if (runs.size() >= MAX_RUNS)
        return new Created.Refused("there are %d runs already".formatted(MAX_RUNS));
      context.log().runs().insert(spec);
      Run run = new Run(RunTable.Stored.fresh(spec), context);
      run.start();
      runs.put(spec.run(), run);
      return new Created.Fresh(run);
    } finally {
      creating.unlock();
    }
  }

  public Optional<Run> find(String run) {
    return Optional.ofNullable(runs.get(run));
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
            request.pause().or(() -> spec.map(RunSpec::pause)).orElse(Pause.KEEP),
            request.kv().or(() -> spec.map(RunSpec::kv)).orElse(Kv.RECOMPUTE),
            () -> objection(request));
    if (outcome instanceof WeightsOutcome.Applied(TrainablePolicy.Applied update, boolean fresh))
      tell(update, fresh);
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
    ticker.ifPresent(Thread::interrupt);
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
  }

  private void tick() {
    try {
      while (true) {
        Thread.sleep(TICK);
        runs.values().forEach(Run::tick);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
