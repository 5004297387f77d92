package dev.turnstone.trainerbridge.feed;

import dev.turnstone.rollout.Row;
import dev.turnstone.trainerbridge.log.GroupTable;
import dev.turnstone.trainerbridge.log.RunTable;
import dev.turnstone.trainerbridge.log.Settlement;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.wire.Compression;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/// What each seq of a run is when it is its turn: a whole group, or one that will not come.
///
/// Guarded by its run's lock, except for reading and encoding rows.
final class FeedDeliveries {
  private final FeedOwner run;
  private final RunSpec spec;
  private final Supplier<RunTable.Marks> marks;
  private final ReentrantLock lock;
  private final GroupTable groups;
  private final SettledGroups settled;
  private final boolean stepwise;

  /// @param marks the newest that this server knows
  FeedDeliveries(FeedOwner run, Supplier<RunTable.Marks> marks, ReentrantLock lock) {
    this.run = run;
    this.spec = run.spec();
    this.marks = marks;
    stepwise = spec.stepwise();
    this.lock = lock;
    groups = run.log().groups();
    settled = new SettledGroups(spec, run.log());
  }

  /// One seq, when it is its turn.
  sealed interface Delivery {
    /// A whole group: one message, or several if it is large.
    record Group(List<byte[]> frames) implements Delivery {}

    /// A group that will not come.
    record Gone(Dropped dropped) implements Delivery {}
  }

  /// What `seq` is, if it is there and may go out now.
  ///
  /// @param epoch of the connection
  /// @param credit whether a whole group may be sent
  /// @param checked whether a group that is too old for training is dropped instead
  Optional<Delivery> next(
      long seq, long epoch, boolean credit, boolean checked, Compression compression) {
    RunTable.Marks now = marks.get();
    if (seq > now.head()) return Optional.empty();
    GroupTable.Stored group = settled.group(seq);
    // Its advantages are not known before the last group of its step is.
    if (stepwise && group.step() >= now.step()) return Optional.empty();
    if (group.state() == GroupTable.State.COMPLETE) {
      if (!credit) return Optional.empty();
      // Reading and encoding rows takes long and needs no lock: a group never changes.
      if (!checked || !stale(group))
        return Optional.of(new Delivery.Group(settled.frames(group, seq, epoch, compression)));
      drop(seq, group.name());
    }
    return Optional.of(new Delivery.Gone(settled.dropped(seq)));
  }

  private void drop(long seq, String group) {
    lock.lock();
    try {
      drop(seq, group, Settlement.STALE, Optional.empty());
    } finally {
      lock.unlock();
    }
  }

  /// Quarantines a group that its trainer cannot use. Called with the lock.
  Dropped refuse(long seq, String reason) {
    GroupTable.Stored group = settled.group(seq);
    if (group.state() == GroupTable.State.COMPLETE)
      drop(seq, group.name(), Settlement.REFUSED, Optional.of(reason));
    return settled.dropped(seq);
  }

  /// The group's shape without its tokens.
  Dropped shape(long seq) {
    return settled.dropped(seq);
  }

  private boolean stale(GroupTable.Stored group) {
    return group.versionMin() != Row.NOT_SAMPLED
        && run.applied().version() - group.versionMin() > spec.maxStaleness();
  }

  private void drop(long seq, String group, String reason, Optional<String> quarantine) {
    groups.drop(spec.run(), group, reason, quarantine);
    run.dropped(settled.dropped(seq));
    run.admit();
  }
}
