package dev.turnstone.trainerbridge.runs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.feed.Admission;
import dev.turnstone.trainerbridge.feed.FeedOwner;
import dev.turnstone.trainerbridge.feed.FeedSession;
import dev.turnstone.trainerbridge.feed.FeedSocket;
import dev.turnstone.trainerbridge.feed.RunFeed;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.log.GroupTable;
import dev.turnstone.trainerbridge.log.RolloutTable;
import dev.turnstone.trainerbridge.log.RunTable;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.spec.RunPhase;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/// One training job: the owner of its groups from task to feed.
///
/// A submitted task is durable before [#submit] returns. It is admitted while admission is open,
/// rolled out and settled by [RunGroups], and delivered by [RunFeed]. Every change is written to
/// the log first and to memory after, so the next process finds what this one knew.
///
/// Admission is open while fewer than (η + 1) × B groups are unreleased and the connected trainer
/// has credit left. While no trainer is connected only the bound counts: groups are ready when the
/// first one comes, and a trainer that restarts does not stop the rollouts.
///
/// One lock guards all state of the run, of its [RunGroups] and of its [RunFeed]; it is held while
/// the log writes.
public final class Run implements FeedOwner {
  static final int MAX_PENDING = 100_000;

  private final RunSpec spec;
  private final RunContext context;
  private final GroupTable groups;
  private final RolloutTable rollouts;
  private final RolloutThreads threads;
  private final RunGroups running;
  private final RunEvents events = new RunEvents();
  private final RunFeed feed;
  private final Admission admission;

  private final ReentrantLock lock = new ReentrantLock();
  private RunPhase phase;
  private boolean endTold;

  Run(RunTable.Stored stored, RunContext context) {
    this.spec = stored.spec();
    this.context = context;
    groups = context.log().groups();
    rollouts = context.log().rollouts();
    threads =
        new RolloutThreads(
            spec,
            context.agent(),
            context.policy().vocabSize(),
            context.environments(),
            rollouts,
            context.nanoTime());
    admission = new Admission(spec.admissionBound());
    feed = new RunFeed(this, stored, admission, lock);
    running = new RunGroups(stored, context, threads, admission, feed, events, lock, this::settled);
    phase = stored.phase();
  }

  @Override
  public RunSpec spec() {
    return spec;
  }

  @Override
  public TrajectoryLog log() {
    return context.log();
  }

  @Override
  public PolicyIdentity policy() {
    return context.policy();
  }

  @Override
  public WeightsId applied() {
    return context.applied();
  }

  @Override
  public void dropped(Dropped dropped) {
    events.tell(new RunEvent.GroupDropped(dropped));
  }

  /// What happens in the run, for people who watch.
  public RunEvents events() {
    return events;
  }

  /// A new connection to the run's feed; see [FeedSession] for how it is driven.
  public FeedSession feed(FeedSocket socket) {
    return new FeedSession(feed, socket, context.nanoTime());
  }

  /// Takes tasks, all or none, and returns when they are durable.
  public Submitted submit(List<GroupRequest> requests) {
    lock.lock();
    try {
      Map<String, String> known =
          groups.bodies(spec.run(), requests.stream().map(GroupRequest::group).toList());
      List<GroupRequest> fresh = new ArrayList<>();
      for (GroupRequest request : requests) {
        String body = known.get(request.group());
        if (body == null) fresh.add(request);
        else if (!body.equals(request.sha256()))
          return new Submitted.Refused("group is known with another body: " + request.group());
      }
      if (fresh.isEmpty()) return new Submitted.Known();
      if (phase != RunPhase.OPEN)
        return new Submitted.Refused(
            "run %s is %s and takes no task".formatted(spec.run(), Fields.wire(phase)));
      if (running.pending() + fresh.size() > MAX_PENDING)
        return new Submitted.Full(
            "run %s has %d tasks waiting of at most %d"
                .formatted(spec.run(), running.pending(), MAX_PENDING));
      groups.insert(spec, fresh);
      running.submitted(fresh.size());
      return new Submitted.Accepted(fresh.size());
    } finally {
      lock.unlock();
    }
  }

  /// No task will follow. What was submitted is finished and delivered.
  public void end() {
    lock.lock();
    try {
      if (phase != RunPhase.OPEN) return;
      context.log().runs().phase(spec.run(), RunPhase.ENDED);
      phase = RunPhase.ENDED;
      tellEnd();
      feed.wake();
    } finally {
      lock.unlock();
    }
  }

  /// Stops the run for good: rollouts are cancelled, nothing more is delivered.
  public void cancel() {
    lock.lock();
    try {
      if (phase == RunPhase.CANCELLED) return;
      context.log().runs().phase(spec.run(), RunPhase.CANCELLED);
      phase = RunPhase.CANCELLED;
      running.cancel();
      feed.close(CloseCode.NORMAL, "run " + spec.run() + " was cancelled");
      tellEnd();
    } finally {
      lock.unlock();
    }
  }

  public RunState state() {
    Map<String, Long> counters = new HashMap<>(groups.counters(spec.run()));
    lock.lock();
    try {
      counters.put("rollouts_live", (long) threads.count());
      counters.put("admitted", (long) admission.admitted());
      counters.put("admission_bound", (long) spec.admissionBound());
      counters.put("head", running.head());
      feed.count(counters);
      return new RunState(
          spec,
          phase,
          finished(),
          feed.hasTrainer(),
          running.broken(),
          context.applied(),
          counters);
    } finally {
      lock.unlock();
    }
  }

  public Optional<GroupState> group(String name) {
    return groups
        .byName(spec.run(), name)
        .map(stored ->
            new GroupState(
                GroupTable.task(stored, spec.environment()),
                Fields.wire(stored.state()),
                stored.seq(),
                stored.reason(),
                rollouts.latest(spec.run(), name).stream()
                    .flatMap(latest -> latest.summary().stream())
                    .toList()));
  }

  /// The trajectory of a rollout's newest attempt, if it finished and its rows are still kept.
  public Optional<Trajectory> trajectory(String group, int index) {
    return rollouts.latest(spec.run(), group).stream()
        .filter(latest -> latest.index() == index)
        .findFirst()
        .flatMap(latest -> rollouts.trajectory(spec.run(), group, index, latest.attempt()));
  }

  /// Goes on where the last process stopped: finished rollouts stay, cut-off ones start again.
  void start() {
    lock.lock();
    try {
      feed.restore();
      if (phase == RunPhase.CANCELLED) return;
      running.recover();
      tellEnd();
    } finally {
      lock.unlock();
    }
  }

  /// New weights serve.
  void weightsApplied(FeedMessage.WeightsApplied applied, boolean newLineage) {
    lock.lock();
    try {
      feed.weightsApplied(newLineage);
      events.tell(new RunEvent.WeightsApplied(applied));
      // Versions do not compare across lineages: what runs starts again under the new one.
      if (newLineage) threads.interruptOvertaken();
      running.admit();
      feed.wake();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void stats(ObjectNode figures) {
    events.tell(new RunEvent.TrainerStats(figures));
  }

  @Override
  public WeightsOutcome apply(WeightsRequest request) {
    return context.weights().apply(request);
  }

  /// Whether no other run may take the policy's weights.
  boolean needsWeights() {
    lock.lock();
    try {
      return phase != RunPhase.CANCELLED && !(finished() && admission.admitted() == 0);
    } finally {
      lock.unlock();
    }
  }

  long epoch() {
    return feed.epoch();
  }

  @Override
  public long head() {
    assert lock.isHeldByCurrentThread();
    return running.head();
  }

  @Override
  public RunPhase phase() {
    assert lock.isHeldByCurrentThread();
    return phase;
  }

  /// No task will follow and every group has its place in the feed. Holds the lock.
  @Override
  public boolean finished() {
    return phase == RunPhase.ENDED && running.none();
  }

  /// Starts waiting groups while admission is open. Holds the lock.
  @Override
  public void admit() {
    running.admit();
  }

  /// Settles the groups whose deadline has passed. Called every second or so.
  void tick() {
    running.tick();
  }

  /// Admits nothing more and waits for the groups that run.
  ///
  /// @return whether they were all settled in time
  boolean drain(Duration patience) throws InterruptedException {
    return running.drain(patience);
  }

  /// Stops without finishing anything; the next process goes on.
  void close() {
    lock.lock();
    try {
      running.stop();
      feed.close(CloseCode.GOING_AWAY, "the server stops");
    } finally {
      lock.unlock();
    }
    threads.close();
    feed.awaitLeft();
  }

  /// A group got its seq. Holds the lock.
  private void settled(long seq) {
    tellEnd();
    feed.wake();
  }

  private void tellEnd() {
    if (endTold || !(finished() || phase == RunPhase.CANCELLED)) return;
    endTold = true;
    events.tell(new RunEvent.Ended(running.head()));
  }
}
