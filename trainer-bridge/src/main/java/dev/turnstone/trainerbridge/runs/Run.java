package dev.turnstone.trainerbridge.runs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.feed.FeedOwner;
import dev.turnstone.trainerbridge.feed.FeedSession;
import dev.turnstone.trainerbridge.feed.FeedSocket;
import dev.turnstone.trainerbridge.feed.RunFeed;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.log.GroupTable;
import dev.turnstone.trainerbridge.log.GroupTable.Inserted;
import dev.turnstone.trainerbridge.log.LogException;
import dev.turnstone.trainerbridge.log.RunTable;
import dev.turnstone.trainerbridge.log.Settlement;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.spec.RunPhase;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.weights.WeightsUpload;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One training job: the owner of its groups from task to feed.
///
/// A submitted task is durable before [#submit] returns. It is admitted while admission is open,
/// rolled out and settled by [RunGroups], and delivered by [RunFeed]. Every change is written to
/// the log first and to memory after, so the next process finds what this one knew, and other
/// servers that share the log see it too.
///
/// Admission is open while fewer than (η + 1) × B groups are unreleased, the trainer that is
/// connected here has credit left, and the log takes writes. While no trainer is connected only the
/// bound counts: groups are ready when the first one comes, and a trainer that restarts does not
/// stop the rollouts.
///
/// One lock guards all state of the run, of its [RunGroups] and of its [RunFeed]; it is held while
/// the log writes.
public final class Run implements FeedOwner {
  static final int MAX_PENDING = 100_000;
  private static final Logger LOG = LoggerFactory.getLogger(Run.class);

  private final RunSpec spec;
  private final RunContext context;
  private final GroupTable groups;
  private final RunViews views;
  private final RolloutThreads threads;
  private final RunGroups running;
  private final RunEvents events = new RunEvents();
  private final RunFeed feed;

  private final ReentrantLock lock = new ReentrantLock();
  private final RunAlarms alarms;
  private boolean endTold;

  Run(RunTable.Stored stored, RunContext context) {
    this.spec = stored.spec();
    this.context = context;
    alarms = new RunAlarms(spec.maxStaleness());
    groups = context.log().groups();
    views = new RunViews(spec, context.log());
    threads =
        new RolloutThreads(
            spec,
            context.agent(),
            context.policy().vocabSize(),
            context.environments(),
            context.agents(),
            context.log().rollouts(),
            context.nanoTime());
    feed = new RunFeed(this, stored, lock);
    running = new RunGroups(stored, context, threads, feed, events, lock, this::settled);
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
    if (dropped.reason().equals(Settlement.STALE)) raise(alarms.stale(dropped.group()));
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
      return switch (groups.insert(spec, requests, MAX_PENDING)) {
        case Inserted.Accepted(int fresh) when fresh == 0 -> new Submitted.Known();
        case Inserted.Accepted(int fresh) -> {
          running.admit();
          yield new Submitted.Accepted(fresh);
        }
        case Inserted.OtherBody(String group) ->
            new Submitted.Refused("group is known with another body: " + group);
        case Inserted.NotOpen(RunPhase now) ->
            new Submitted.Refused(
                "run %s is %s and takes no task".formatted(spec.run(), Fields.wire(now)));
        case Inserted.Full(long pending) ->
            new Submitted.Full(
                "run %s has %d tasks waiting of at most %d"
                    .formatted(spec.run(), pending, MAX_PENDING));
      };
    } finally {
      lock.unlock();
    }
  }

  /// No task will follow. What was submitted is finished and delivered.
  public void end() {
    lock.lock();
    try {
      feed.wrote(context.log().runs().phase(spec.run(), RunPhase.ENDED));
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
      if (phase() == RunPhase.CANCELLED) return;
      feed.wrote(context.log().runs().phase(spec.run(), RunPhase.CANCELLED));
      cancelled();
    } finally {
      lock.unlock();
    }
  }

  private void cancelled() {
    running.cancel();
    feed.close(CloseCode.NORMAL, "run " + spec.run() + " was cancelled");
    tellEnd();
  }

  public RunState state() {
    Map<String, Long> counters = views.counters();
    lock.lock();
    try {
      counters.put("rollouts_live", (long) threads.count());
      counters.put("alarms", alarms.raised());
      feed.count(counters);
      return new RunState(
          spec,
          phase(),
          finished(),
          feed.hasTrainer(),
          context.paused(),
          context.applied(),
          counters);
    } finally {
      lock.unlock();
    }
  }

  /// What people are shown of single groups and rollouts.
  public RunViews views() {
    return views;
  }

  /// Goes on where the last process stopped: finished rollouts stay, cut-off ones start again.
  void start() {
    lock.lock();
    try {
      if (phase() == RunPhase.CANCELLED) return;
      running.recover();
      running.admit();
      tellEnd();
    } finally {
      lock.unlock();
    }
  }

  /// Takes what another server may have written.
  void refresh(RunTable.Marks fresh) {
    lock.lock();
    try {
      boolean open = phase() != RunPhase.CANCELLED;
      if (!feed.refresh(fresh)) return;
      if (open && phase() == RunPhase.CANCELLED) cancelled();
      tellEnd();
      feed.wake();
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
    lock.lock();
    try {
      alarms.step(figures).forEach(this::raise);
    } finally {
      lock.unlock();
    }
  }

  private void raise(RunEvent.Alarm alarm) {
    LOG.warn("run {}: alarm {}: {}", spec.run(), alarm.kind(), alarm.detail());
    events.tell(alarm);
  }

  @Override
  public WeightsOutcome apply(WeightsRequest request) {
    return context.weights().apply(request);
  }

  @Override
  public WeightsUpload upload() throws IOException {
    return context.uploads().begin();
  }

  /// Whether no other run may take the policy's weights.
  boolean needsWeights() {
    lock.lock();
    try {
      return phase() != RunPhase.CANCELLED
          && !(finished() && context.log().admission().admitted(spec.run()) == 0);
    } finally {
      lock.unlock();
    }
  }

  long epoch() {
    return feed.marks().epoch();
  }

  RunPhase phase() {
    return feed.marks().phase();
  }

  /// No task will follow and every group has its place in the feed. Holds the lock.
  @Override
  public boolean finished() {
    return phase() == RunPhase.ENDED && !groups.unsettled(spec.run());
  }

  /// Starts waiting groups while admission is open. Holds the lock.
  @Override
  public void admit() {
    running.admit();
  }

  /// Does what is due. Called every second or so.
  void tick() {
    lock.lock();
    try {
      if (phase() == RunPhase.CANCELLED) return;
      running.tick();
      tellEnd();
    } catch (LogException e) {
      LOG.warn("run {} waits for the log: {}", spec.run(), e.getMessage());
    } finally {
      lock.unlock();
    }
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
    if (endTold || !(finished() || phase() == RunPhase.CANCELLED)) return;
    // First: what the log refuses now is done again by the next tick.
    running.closeStep();
    endTold = true;
    events.tell(new RunEvent.Ended(feed.head()));
    feed.wake();
  }
}
