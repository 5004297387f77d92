package dev.turnstone.trainerbridge.runs;

import dev.turnstone.rollout.RolloutId;
import dev.turnstone.trainerbridge.feed.RunFeed;
import dev.turnstone.trainerbridge.log.GroupAdmission;
import dev.turnstone.trainerbridge.log.GroupTable;
import dev.turnstone.trainerbridge.log.LogException;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.log.RolloutTable;
import dev.turnstone.trainerbridge.log.RolloutTable.Latest;
import dev.turnstone.trainerbridge.log.RunTable;
import dev.turnstone.trainerbridge.log.Settlement;
import dev.turnstone.trainerbridge.spec.Incomplete;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A run's groups that this server rolls out, from admission to their seq: starts their rollouts,
/// one virtual thread each, and settles a group when its rollouts have finished, giving it its
/// `seq` in the same transaction.
///
/// What the log refuses is not lost: [#tick] does it again when the log takes writes. Guarded by
/// its run's lock.
final class RunGroups {
  private static final int TOGETHER = 64;
  private static final Logger LOG = LoggerFactory.getLogger(RunGroups.class);

  private final RunSpec spec;
  private final RunContext context;
  private final GroupTable groups;
  private final GroupAdmission admission;
  private final RolloutTable rollouts;
  private final RolloutThreads threads;
  private final RunFeed feed;
  private final RunEvents events;
  private final ReentrantLock lock;
  private final LongConsumer told;
  private final Listener listener = new Listener();

  private final Condition settled;
  private final boolean stepwise;
  private final Map<String, OpenGroup> open = new LinkedHashMap<>();
  private boolean stopped;

  /// Groups none of which runs yet; see [#recover].
  ///
  /// @param told called with the seq of each group that is settled, holding the lock
  RunGroups(
      RunTable.Stored stored,
      RunContext context,
      RolloutThreads threads,
      RunFeed feed,
      RunEvents events,
      ReentrantLock lock,
      LongConsumer told) {
    this.spec = stored.spec();
    this.context = context;
    this.threads = threads;
    this.feed = feed;
    this.events = events;
    this.lock = lock;
    this.told = told;
    stepwise = spec.stepwise();
    groups = context.log().groups();
    admission = context.log().admission();
    rollouts = context.log().rollouts();
    settled = lock.newCondition();
  }

  /// Goes on with groups whose server is gone, at first with those of the last process: finished
  /// rollouts stay, cut-off ones start again.
  void recover() {
    List<GroupTable.Stored> taken = stopped ? List.of() : admission.takeOver(spec.run(), TOGETHER);
    while (!taken.isEmpty()) {
      LOG.info("run {} goes on with {} groups that another process left", spec.run(), taken.size());
      for (GroupTable.Stored stored : taken) {
        int spent = rollouts.refills(spec.run(), stored.name());
        OpenGroup group =
            open(
                stored,
                rollouts.latest(spec.run(), stored.name()),
                Math.max(0, spec.incomplete().refills() - spent));
        for (Latest cut : group.unfinished()) startAgain(group, cut.index(), cut.attempt() + 1);
        advance(group);
      }
      taken = admission.takeOver(spec.run(), TOGETHER);
    }
  }

  /// Starts waiting groups while admission is open.
  void admit() {
    try {
      while (!stopped && context.paused().isEmpty() && feed.admits() && admission.mayAdmit(spec)) {
        List<GroupTable.Stored> next = admission.admit(spec, TOGETHER);
        if (next.isEmpty()) return;
        for (GroupTable.Stored stored : next) {
          OpenGroup group =
              open(stored, OpenGroup.fresh(spec.groupSize()), spec.incomplete().refills());
          for (Latest rollout : group.unfinished())
            threads.start(id(group, rollout.index(), rollout.attempt()), group.task(), listener);
        }
      }
    } catch (LogException e) {
      LOG.warn("run {} admits nothing for now: {}", spec.run(), e.getMessage());
    }
  }

  /// Drops every group that runs here and starts no other.
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

  /// Does what is due: takes over what other servers left, settles what is late, and does again
  /// what the log refused.
  void tick() {
    if (context.log().shared()) {
      forgetLost();
      recover();
    }
    boolean deadlines = spec.incomplete().policy() != Incomplete.Policy.MIN_K;
    long now = context.nanoTime().getAsLong();
    for (OpenGroup group : List.copyOf(open.values())) {
      if (deadlines && group.late(now)) settle(group, Settlement.of(spec, group.rollouts()));
      else if (!stopped) resume(group);
    }
    admit();
    closeStep();
  }

  /// A group whose rollouts have all finished but that could not be settled then, and rollouts that
  /// should run and do not.
  private void resume(OpenGroup group) {
    for (Latest rollout : group.unfinished())
      if (!threads.runs(id(group, rollout.index(), rollout.attempt())))
        startAgain(group, rollout.index(), rollout.attempt() + 1);
    advance(group);
  }

  /// Groups that another server took over, because this one's lease ran out.
  private void forgetLost() {
    if (open.isEmpty()) return;
    Set<String> owned = admission.owned(spec.run());
    for (OpenGroup group : List.copyOf(open.values()))
      if (!owned.contains(group.name())) {
        LOG.warn("another server took group {} of run {}", group.name(), spec.run());
        forget(group);
      }
  }

  private void forget(OpenGroup group) {
    open.remove(group.name());
    for (Latest cut : group.unfinished()) threads.interrupt(id(group, cut.index(), cut.attempt()));
    settled.signalAll();
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
    for (Latest failed : group.refillable(spec)) {
      startAgain(group, failed.index(), failed.attempt() + 1);
      group.refilled();
    }
    if (!group.unfinished().isEmpty()) return;
    settle(group, Settlement.of(spec, group.rollouts()));
  }

  private void settle(OpenGroup group, Settlement settlement) {
    Optional<RunTable.Marks> marks =
        groups.settle(spec.run(), group.name(), settlement, spec.groupsPerVersion());
    forget(group);
    if (marks.isEmpty()) return;
    feed.settled(marks.get());
    tellSettled(marks.get().head(), group, settlement);
    admit();
    told.accept(marks.get().head());
  }

  /// Closes the step of groups that wait for others, if none can come.
  void closeStep() {
    if (!stepwise) return;
    context
        .log()
        .steps()
        .close(spec)
        .ifPresent(marks -> {
          feed.wrote(marks);
          feed.wake();
        });
  }

  private void tellSettled(long seq, OpenGroup group, Settlement settlement) {
    List<RolloutSummary> finished =
        group.rollouts().stream().flatMap(rollout -> rollout.summary().stream()).toList();
    List<OptionalDouble> rewards = finished.stream().map(RolloutSummary::reward).toList();
    List<Integer> lengths = finished.stream().map(RolloutSummary::length).toList();
    events.tell(
        settlement.dropped()
            ? new RunEvent.GroupDropped(
                new Dropped(seq, group.name(), settlement.reason(), lengths, rewards))
            : new RunEvent.GroupCompleted(
                seq,
                group.name(),
                rewards,
                settlement.versionMin(),
                settlement.versionMax(),
                lengths));
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
      } catch (LogException e) {
        LOG.warn(
            "group {} of run {} waits for the log: {}",
            rollout.group(),
            spec.run(),
            e.getMessage());
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
      } catch (LogException e) {
        LOG.warn("{} starts again once the log takes writes: {}", rollout, e.getMessage());
      } finally {
        lock.unlock();
      }
    }
  }
}
