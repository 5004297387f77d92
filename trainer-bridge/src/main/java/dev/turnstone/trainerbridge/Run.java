package dev.turnstone.trainerbridge;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.RolloutTable.Latest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One training job: the owner of its groups from task to feed.
///
/// A submitted task is durable before [#submit] returns. It is admitted while admission is open,
/// rolled out on one virtual thread per rollout, settled when its rollouts have finished, and given
/// its `seq` in the same transaction. Every change is written to the log first and to memory after,
/// so the next process finds what this one knew.
///
/// Admission is open while fewer than (η + 1) × B groups are unreleased and the connected trainer
/// has credit left. While no trainer is connected only the bound counts: groups are ready when the
/// first one comes, and a trainer that restarts does not stop the rollouts.
///
/// One lock guards all state of the run and of its [RunFeed]; it is held while the log writes.
public final class Run {
  static final int MAX_PENDING = 100_000;
  private static final int ADMITTED_TOGETHER = 64;
  private static final Logger LOG = LoggerFactory.getLogger(Run.class);

  private final RunSpec spec;
  private final RunContext context;
  private final GroupTable groups;
  private final RolloutTable rollouts;
  private final RolloutThreads threads;
  private final RunEvents events = new RunEvents();
  private final RunFeed feed;
  private final Admission admission;
  private final Listener listener = new Listener();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition settled = lock.newCondition();
  private final Map<String, OpenGroup> open = new LinkedHashMap<>();
  private RunPhase phase;
  private long head;
  private long pending;
  private boolean stopped;
  private boolean endTold;
  private Optional<String> broken = Optional.empty();

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
    feed = new RunFeed(this, stored, context, admission, lock);
    phase = stored.phase();
    head = stored.head();
  }

  public RunSpec spec() {
    return spec;
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
      if (pending + fresh.size() > MAX_PENDING)
        return new Submitted.Full(
            "run %s has %d tasks waiting of at most %d"
                .formatted(spec.run(), pending, MAX_PENDING));
      groups.insert(spec, fresh);
      pending += fresh.size();
      admit();
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
      for (OpenGroup group : List.copyOf(open.values()))
        settle(group, Settlement.cancelled(group.rollouts()));
      threads.interruptAll();
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
      counters.put("head", head);
      feed.count(counters);
      return new RunState(
          spec, phase, finished(), feed.hasTrainer(), broken, context.applied(), counters);
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
      pending = groups.counters(spec.run()).getOrDefault("groups_pending", 0L);
      for (GroupTable.Stored stored : groups.running(spec.run())) recover(stored);
      admit();
      tellEnd();
    } finally {
      lock.unlock();
    }
  }

  private void recover(GroupTable.Stored stored) {
    int refills =
        Math.max(0, spec.incomplete().refills() - rollouts.refills(spec.run(), stored.name()));
    OpenGroup group =
        new OpenGroup(
            GroupTable.task(stored, spec.environment()),
            deadline(),
            rollouts.latest(spec.run(), stored.name()),
            refills);
    open.put(group.name(), group);
    admission.started(1);
    for (Latest cut : group.unfinished()) startAgain(group, cut.index(), cut.attempt() + 1);
    advance(group);
  }

  /// Starts waiting groups while admission is open. Holds the lock.
  void admit() {
    while (phase != RunPhase.CANCELLED && !stopped && broken.isEmpty() && feed.admits()) {
      int free = Math.min(admission.free(), ADMITTED_TOGETHER);
      if (free == 0 || pending == 0) return;
      List<GroupTable.Stored> next = groups.pending(spec.run(), free);
      groups.start(spec.run(), spec.groupSize(), next);
      pending -= next.size();
      admission.started(next.size());
      for (GroupTable.Stored stored : next) {
        OpenGroup group =
            new OpenGroup(
                GroupTable.task(stored, spec.environment()),
                deadline(),
                OpenGroup.fresh(spec.groupSize()),
                spec.incomplete().refills());
        open.put(group.name(), group);
        for (Latest rollout : group.unfinished())
          threads.start(id(group, rollout.index(), rollout.attempt()), group.task(), listener);
      }
    }
  }

  /// Refills, settles or goes on waiting. Holds the lock.
  private void advance(OpenGroup group) {
    for (Latest failed : group.takeRefills(spec))
      startAgain(group, failed.index(), failed.attempt() + 1);
    if (!group.unfinished().isEmpty()) return;
    settle(group, Settlement.of(spec, group.rollouts()));
  }

  private void settle(OpenGroup group, Settlement settlement) {
    long seq = head + 1;
    groups.settle(spec.run(), group.name(), seq, settlement);
    head = seq;
    open.remove(group.name());
    for (Latest cut : group.unfinished()) threads.interrupt(id(group, cut.index(), cut.attempt()));
    if (settlement.dropped()) admission.dropped();
    else admission.completed(seq);
    feed.deliveries().tellSettled(seq, group.name(), settlement);
    settled.signalAll();
    admit();
    tellEnd();
    feed.wake();
  }

  private void startAgain(OpenGroup group, int index, int attempt) {
    rollouts.start(spec.run(), group.name(), index, attempt);
    group.startedAgain(index, attempt);
    threads.start(id(group, index, attempt), group.task(), listener);
  }

  /// Settles the groups whose deadline has passed. Called every second or so.
  void tick() {
    lock.lock();
    try {
      if (spec.incomplete().policy() == Incomplete.Policy.MIN_K || stopped) return;
      long now = context.nanoTime().getAsLong();
      for (OpenGroup group : List.copyOf(open.values()))
        if (group.late(now)) settle(group, Settlement.of(spec, group.rollouts()));
    } catch (LogException e) {
      listener.broken(e);
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
      admit();
      feed.wake();
    } finally {
      lock.unlock();
    }
  }

  void stats(ObjectNode figures) {
    events.tell(new RunEvent.TrainerStats(figures));
  }

  WeightsOutcome apply(WeightsRequest request) {
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

  long head() {
    assert lock.isHeldByCurrentThread();
    return head;
  }

  RunPhase phase() {
    assert lock.isHeldByCurrentThread();
    return phase;
  }

  /// No task will follow and every group has its place in the feed. Holds the lock.
  boolean finished() {
    return phase == RunPhase.ENDED && pending == 0 && open.isEmpty();
  }

  /// Admits nothing more and waits for the groups that run.
  ///
  /// @return whether they were all settled in time
  boolean drain(Duration patience) throws InterruptedException {
    long left = patience.toNanos();
    lock.lock();
    try {
      stopped = true;
      while (!open.isEmpty() && left > 0) left = settled.awaitNanos(left);
      return open.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /// Stops without finishing anything; the next process goes on.
  void close() {
    lock.lock();
    try {
      stopped = true;
      feed.close(CloseCode.GOING_AWAY, "the server stops");
    } finally {
      lock.unlock();
    }
    threads.close();
    feed.awaitLeft();
  }

  private void tellEnd() {
    if (endTold || !(finished() || phase == RunPhase.CANCELLED)) return;
    endTold = true;
    events.tell(new RunEvent.Ended(head));
  }

  private RolloutId id(OpenGroup group, int index, int attempt) {
    return new RolloutId(spec.run(), group.name(), index, attempt);
  }

  private long deadline() {
    return context.nanoTime().getAsLong()
        + TimeUnit.NANOSECONDS.convert(spec.incomplete().groupDeadline());
  }

  /// What the rollouts' threads tell.
  private final class Listener implements RolloutThreads.Listener {
    @Override
    public void finished(RolloutSummary rollout) {
      lock.lock();
      try {
        OpenGroup group = open.get(rollout.group());
        if (group == null || !group.awaits(rollout.index(), rollout.attempt())) return;
        group.finished(rollout);
        events.tell(new RunEvent.RolloutFinished(rollout));
        advance(group);
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void overtaken(RolloutId rollout) {
      lock.lock();
      try {
        OpenGroup group = open.get(rollout.group());
        if (stopped || group == null || !group.awaits(rollout.index(), rollout.attempt())) return;
        startAgain(group, rollout.index(), rollout.attempt() + 1);
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void broken(LogException why) {
      lock.lock();
      try {
        LOG.error("run {} stands still", spec.run(), why);
        broken = Optional.of(String.valueOf(why.getMessage()));
        feed.close(CloseCode.INTERNAL, "the run's log failed");
      } finally {
        lock.unlock();
      }
    }
  }
}
