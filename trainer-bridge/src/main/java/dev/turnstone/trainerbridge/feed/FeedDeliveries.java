package dev.turnstone.trainerbridge.feed;

import dev.turnstone.rollout.Row;
import dev.turnstone.trainerbridge.log.GroupTable;
import dev.turnstone.trainerbridge.log.Settlement;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import dev.turnstone.trainerbridge.wire.FeedProtocol;
import dev.turnstone.trainerbridge.wire.GroupCodec;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/// What each seq of a run is when it is its turn: a whole group, or one that will not come.
///
/// Guarded by its run's lock, except for reading and encoding rows.
public final class FeedDeliveries {
  private final FeedOwner run;
  private final RunSpec spec;
  private final Admission admission;
  private final ReentrantLock lock;
  private final GroupTable groups;
  private final SettledGroups settled;

  FeedDeliveries(FeedOwner run, Admission admission, ReentrantLock lock) {
    this.run = run;
    this.spec = run.spec();
    this.admission = admission;
    this.lock = lock;
    groups = run.log().groups();
    settled = new SettledGroups(spec, run.log());
  }

  /// One seq, when it is its turn.
  sealed interface Delivery {
    /// A whole group, encoded.
    final class Group implements Delivery {
      private final byte[] frame;

      Group(byte[] frame) {
        this.frame = frame;
      }

      byte[] frame() {
        return frame;
      }
    }

    /// A group that will not come.
    record Gone(Dropped dropped) implements Delivery {}
  }

  /// What `seq` is, if it is there and may go out now.
  ///
  /// @param epoch of the connection
  /// @param credit whether a whole group may be sent
  /// @param checked whether a group that is too old for training is dropped instead
  Optional<Delivery> next(long seq, long epoch, boolean credit, boolean checked) {
    Optional<Delivery> gone = gone(seq, credit && checked);
    if (gone.isPresent() || !credit) return gone;
    Optional<GroupTable.Stored> group = known(seq);
    if (group.isEmpty()) return Optional.empty();
    // Reading and encoding rows takes long and needs no lock: a group never changes.
    byte[] frame = GroupCodec.encode(settled.frame(group.get(), seq, epoch));
    if (frame.length <= FeedProtocol.MAX_MESSAGE_BYTES)
      return Optional.of(new Delivery.Group(frame));
    return Optional.of(tooLarge(seq, frame.length));
  }

  private Optional<GroupTable.Stored> known(long seq) {
    lock.lock();
    try {
      return seq > run.head() ? Optional.empty() : Optional.of(settled.group(seq));
    } finally {
      lock.unlock();
    }
  }

  private Optional<Delivery> gone(long seq, boolean checked) {
    lock.lock();
    try {
      if (seq > run.head()) return Optional.empty();
      GroupTable.Stored group = settled.group(seq);
      boolean there = group.state() == GroupTable.State.COMPLETE;
      if (there && checked && stale(group))
        drop(seq, group.name(), Settlement.STALE, Optional.empty());
      else if (there) return Optional.empty();
      return Optional.of(new Delivery.Gone(settled.dropped(seq)));
    } finally {
      lock.unlock();
    }
  }

  private Delivery tooLarge(long seq, long bytes) {
    lock.lock();
    try {
      drop(
          seq,
          settled.group(seq).name(),
          Settlement.TOO_LARGE,
          Optional.of("the group is larger than 64 MiB: " + bytes));
      return new Delivery.Gone(settled.dropped(seq));
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

  /// The group's shape without its tokens. Called with the lock.
  public Dropped shape(long seq) {
    return settled.dropped(seq);
  }

  private boolean stale(GroupTable.Stored group) {
    return group.versionMin() != Row.NOT_SAMPLED
        && run.applied().version() - group.versionMin() > spec.maxStaleness();
  }

  private void drop(long seq, String group, String reason, Optional<String> quarantine) {
    groups.drop(spec.run(), group, reason, quarantine);
    admission.dropped(seq);
    run.dropped(settled.dropped(seq));
    run.admit();
  }
}
