package dev.turnstone.trainerbridge.runs;

import dev.turnstone.rollout.RolloutId;
import dev.turnstone.trainerbridge.feed.Admission;
import dev.turnstone.trainerbridge.feed.RunFeed;
import dev.turnstone.trainerbridge.log.GroupTable;
import dev.turnstone.trainerbridge.log.LogException;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.log.RolloutTable;
import dev.turnstone.trainerbridge.log.RolloutTable.Latest;
import dev.turnstone.trainerbridge.log.RunTable;
import dev.turnstone.trainerbridge.log.Settlement;
import dev.turnstone.trainerbridge.spec.Incomplete;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A run's groups from admission to their seq: starts their rollouts, one virtual thread each, and
/// settles a group when its rollouts have finished, giving it its `seq` in the same transaction.
///
/// Guarded by its run's lock.
public final class RunGroups {
  private static final int ADMITTED_TOGETHER = 64;
  private static final Logger LOG = LoggerFactory.getLogger(RunGroups.class);

  private final RunSpec spec;
  private final RunContext context;
  private final GroupTable groups;
  private final RolloutTable rollouts;
  private final RolloutThreads threads;
  private final Admission admission;
  private final RunFeed feed;
  private final RunEvents events;
  private final ReentrantLock lock;
  private final LongConsumer told;
  private final Listener listener = new Listener();

  private final Condition settled;
  private final Map<String, OpenGroup> open = new LinkedHashMap<>();
  private long head;
  private long pending;
  private boolean stopped;
  private Optional<String> broken = Optional.empty();

  /// Groups none of which runs yet; see [#recover].
  ///
  /// @param told called with the seq of each group that is settled, holding the lock
  RunGroups(
      RunTable.Stored stored,
      RunContext context,
      RolloutThreads threads,
      Admission admission,
      RunFeed feed,
      RunEvents events,
      ReentrantLock lock,
      LongConsumer told) {
    this.spec = stored.spec();
    this.context = context;
    this.threads = threads;
    this.admission = admission;
    this.feed = feed;
    this.events = events;
    this.lock = lock;
    this.told = told;
    groups = context.log().groups();
    rollouts = context.log().rollouts();
    settled = lock.newCondition();
    head = stored.head();
  }

  /// Highest seq there is.
  long head() {
    return head;
  }

  /// Tasks that wait for admission.
  long pending() {
    return pending;
  }

  /// Whether no group waits or runs.
  boolean none() {
    return pending == 0 && open.isEmpty();
  }

  /// Why the log took no more, if so: then nothing is admitted any more.
  Optional<String> broken() {
    return broken;
  }

  /// Goes on where the last process stopped: finished rollouts stay, cut-off ones start again.
  void recover() {
    for (GroupTable.Stored stored : groups.running(spec.run())) {
      int spent = rollouts.refills(spec.run(), stored.name());
      open(
          stored,
          rollouts.latest(spec.run(), stored.name()),
          Math.max(0, spec.incomplete().refills() - spent));
    }
    // All count before one of them makes room for more.
    admission.started(open.size());
    pending = groups.counters(spec.run()).getOrDefault("groups_pending", 0L);
    for (OpenGroup group : List.copyOf(open.values())) {
      for (Latest cut : group.unfinished()) startAgain(group, cut.index(), cut.attempt() + 1);
      advance(group);
    }
    admit();
  }

  /// Tasks became durable.
  void submitted(int count) {
    pending += count;
    admit();
  }

  /// Starts waiting groups while admission is open.
  void admit() {
    while (!stopped && broken.isEmpty() && pending > 0 && feed.admits()) {
      int free = Math.min(admission.free(), ADMITTED_TOGETHER);
      if (free == 0) return;
      List<GroupTable.Stored> next = groups.pending(spec.run(), free);
      if (next.isEmpty())
        throw new LogException("the log lacks %d tasks of %s".formatted(pending, spec.run()));
      groups.start(spec.run(), spec.groupSize(), next);
      pending -= next.size();
      admission.started(next.size());
      for (GroupTable.Stored stored : next) {
        OpenGroup group =
            open(stored, OpenGroup.fresh(spec.groupSize()), spec.incomplete().refills());
        for (Latest rollout : group.unfinished())
          threads.start(id(group, rollout.index(), rollout.attempt()), group.task(), listener);
      }
    }
  }

  /// Drops every group that runs and starts no other.
  void cancel() {
    stopped = true;
    for (OpenGroup group : List.copyOf(open.values()))
      settle(group, Settlement.cancelled(group.rollouts()));
    threads.interruptAll();
  }

  /// Admits nothing more.
  void stop() {
    stopped = true;
  }

  /// Admits nothing more and waits for the groups that run. Called without the lock.
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

  /// Settles the groups whose deadline has passed. Called without the lock.
  void tick() {
    lock.lock();
    try {
      if (spec.incomplete().policy() == Incomplete.Policy.MIN_K) return;
      long now = context.nanoTime().getAsLong();
      for (OpenGroup group : List.copyOf(open.values()))
        if (group.late(now)) settle(group, Settlement.of(spec, group.rollouts()));
    } catch (LogException e) {
      listener.broken(e);
    } finally {
      lock.unlock();
    }
  }

  private OpenGroup open(GroupTable.Stored stored, List<Latest> latest, int refills) {
    long deadline =
        context.nanoTime().getAsLong()
            + TimeUnit.NANOSECONDS.convert(spec.incomplete().groupDeadline());
    OpenGroup group =
        new OpenGroup(GroupTable.task(stored, spec.environment()), deadline, latest, refills);
    open.put(group.name(), group);
    return group;
  }

  /// Refills, settles or goes on waiting.
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
    tellSettled(seq, group.name(), settlement);
    settled.signalAll();
    admit();
    told.accept(seq);
  }

  private void tellSettled(long seq, String group, Settlement settlement) {
    Dropped shape = feed.deliveries().shape(seq);
    events.tell(
        settlement.dropped()
            ? new RunEvent.GroupDropped(shape)
            : new RunEvent.GroupCompleted(
                seq,
                group,
                shape.rewards(),
                settlement.versionMin(),
                settlement.versionMax(),
                shape.lengths()));
  }

  private void startAgain(OpenGroup group, int index, int attempt) {
    rollouts.start(spec.run(), group.name(), index, attempt);
    group.startedAgain(index, attempt);
    threads.start(id(group, index, attempt), group.task(), listener);
  }

  private RolloutId id(OpenGroup group, int index, int attempt) {
    return new RolloutId(spec.run(), group.name(), index, attempt);
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
        if (group == null || !group.awaits(rollout.index(), rollout.attempt())) return;
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
