package dev.turnstone.trainerbridge.runs;

import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Invariants;
import dev.turnstone.rollout.Rollout;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.log.LogException;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.log.RolloutTable;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.spec.RunSpec.Driver;
import dev.turnstone.trainerbridge.wire.RowCheck;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The rollouts of one run that are under way: one virtual thread each, from the first turn until
/// the trajectory is durable and the run knows.
public final class RolloutThreads implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RolloutThreads.class);
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration LOG_PAUSE = Duration.ofSeconds(1);

  private final RunSpec spec;
  private final Rollout.Agent agent;
  private final int vocabSize;
  private final Function<String, Optional<Environment>> environments;
  private final AgentDriver agents;
  private final RolloutTable log;
  private final LongSupplier nanoTime;
  private final Map<RolloutId, Live> live = new ConcurrentHashMap<>();
  private volatile boolean closed;

  RolloutThreads(
      RunSpec spec,
      Rollout.Agent agent,
      int vocabSize,
      Function<String, Optional<Environment>> environments,
      AgentDriver agents,
      RolloutTable log,
      LongSupplier nanoTime) {
    this.spec = spec;
    this.agent = agent;
    this.vocabSize = vocabSize;
    this.environments = environments;
    this.agents = agents;
    this.log = log;
    this.nanoTime = nanoTime;
  }

  /// What a run hears of its rollouts, on their threads.
  interface Listener {
    /// A trajectory is durable.
    void finished(RolloutSummary rollout);

    /// The weights changed under a rollout in a way that it cannot outlive.
    void overtaken(RolloutId rollout);
  }

  /// A rollout that is under way.
  ///
  /// @param begun the weights that served when it began
  private record Live(Thread thread, WeightsId begun) {}

  void start(RolloutId id, Task task, Listener listener) {
    if (closed) return;
    WeightsId begun = agent.policy().weights();
    Thread thread =
        Thread.ofVirtual().name("rollout " + id).unstarted(() -> play(id, task, begun, listener));
    live.put(id, new Live(thread, begun));
    thread.start();
  }

  /// Whether an attempt is under way here.
  boolean runs(RolloutId id) {
    return live.containsKey(id);
  }

  int count() {
    return live.size();
  }

  void interrupt(RolloutId id) {
    Optional.ofNullable(live.get(id)).ifPresent(rollout -> rollout.thread().interrupt());
  }

  void interruptAll() {
    live.values().forEach(rollout -> rollout.thread().interrupt());
  }

  /// Interrupts what began under another lineage than the one that serves now.
  void interruptOvertaken() {
    String serving = agent.policy().weights().lineage();
    live.values().stream()
        .filter(rollout -> !rollout.begun().lineage().equals(serving))
        .forEach(rollout -> rollout.thread().interrupt());
  }

  private void play(RolloutId id, Task task, WeightsId begun, Listener listener) {
    try {
      Trajectory rolled = roll(id, task);
      Trajectory trajectory = spec.overlong().map(o -> o.shape(rolled)).orElse(rolled);
      // A rollout that a shutdown cut off starts again with the next process.
      if (closed) return;
      if (overtaken(trajectory, begun, agent.policy().weights())) {
        listener.overtaken(id);
        return;
      }
      RolloutSummary summary = RolloutSummary.of(trajectory, violation(trajectory).orElse(""));
      if (summary.quarantined()) LOG.warn("{} is quarantined: {}", id, summary.violation());
      if (stored(trajectory, summary)) listener.finished(summary);
    } finally {
      live.remove(id);
    }
  }

  /// Keeps a trajectory in memory until the log takes it: it was paid for.
  ///
  /// @return whether it is durable; not if its group was settled without it
  private boolean stored(Trajectory trajectory, RolloutSummary summary) {
    RolloutTable.Finished finished = new RolloutTable.Finished(trajectory, summary);
    for (boolean said = false; !closed; said = true) {
      try {
        return log.finish(finished);
      } catch (LogException e) {
        // Once: a full disk must not be filled with this.
        if (!said) LOG.warn("{} waits for the log: {}", trajectory.id(), e.getMessage());
        if (!pause()) return false;
      }
    }
    return false;
  }

  private static boolean pause() {
    try {
      Thread.sleep(LOG_PAUSE);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /// Even an error of the virtual machine must not leave siblings waiting for this one.
  private Trajectory roll(RolloutId id, Task task) {
    try {
      if (spec.driver() == Driver.AGENT) return agents.drive(id, task, spec);
      return new Rollout(
              id, task, environment(), agent, spec.sampling(id.index()), spec.limits(), nanoTime)
          .run();
    } catch (InterruptedException e) {
      return without(id, task, StopReason.CANCELLED, "");
    } catch (RuntimeException | Error e) {
      LOG.error("{} failed", id, e);
      return without(id, task, StopReason.ENGINE_ERROR, "defect: " + e);
    }
  }

  private static Trajectory without(RolloutId id, Task task, StopReason stop, String detail) {
    return new Trajectory(
        id, List.of(), Optional.empty(), stop, detail, task.messages(), Trajectory.Stats.NONE);
  }

  private Environment environment() {
    return environments
        .apply(spec.environment())
        .orElse((task, seed, deadline) -> {
          throw new EnvironmentLost("no environment is registered as " + spec.environment());
        });
  }

  /// A cancelled rollout that nobody but a weight update cancelled, or one whose tokens come from
  /// two lineages, whose versions do not compare.
  private static boolean overtaken(Trajectory trajectory, WeightsId begun, WeightsId now) {
    if (begun.equals(now)) return false;
    if (trajectory.stop() == StopReason.CANCELLED) return true;
    return !begun.lineage().equals(now.lineage())
        && trajectory.rows().stream()
            .map(Row::lineage)
            .anyMatch(lineage -> !lineage.isEmpty() && !lineage.equals(begun.lineage()));
  }

  private Optional<String> violation(Trajectory trajectory) {
    return Invariants.violation(trajectory)
        .or(() ->
            trajectory.rows().stream()
                .flatMap(row ->
                    RowCheck.misfit(row, vocabSize).stream()
                        .map(why -> "row %d: %s".formatted(row.branch(), why)))
                .findFirst());
  }

  /// Interrupts every rollout and waits a little for them to let go of their environments.
  @Override
  public void close() {
    closed = true;
    interruptAll();
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    try {
      for (Live rollout : List.copyOf(live.values()))
        if (!rollout.thread().join(Duration.ofNanos(Math.max(1, deadline - System.nanoTime()))))
          LOG.warn("{} did not stop", rollout.thread().getName());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
