package dev.turnstone.trainerbridge.client;

import dev.turnstone.trainerbridge.wire.FeedMessage;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/// What a trainer has received and not taken, in order and each seq once, and the credit that keeps
/// it within a window. Confined to its client's lock.
public final class FeedInbox {
  private final Deque<Entry> waiting = new ArrayDeque<>();
  private long windowGroups;
  private long windowBytes;
  private long waitingGroups;
  private long waitingBytes;
  private long unspentGroups;
  private long unspentBytes;
  private long held;

  /// @param bytes of a group's frame; 0 for what needs no credit
  private record Entry(Delivered delivered, long bytes) {}

  /// @param held last seq that the trainer has before the first delivery
  FeedInbox(long held) {
    this.held = held;
  }

  long held() {
    return held;
  }

  /// Where a server without a resume begins.
  void begin(long seq) {
    held = seq;
  }

  /// A new connection: the server has no credit.
  void reconnected() {
    unspentGroups = 0;
    unspentBytes = 0;
  }

  void widen(long groups, long bytes) {
    windowGroups = groups;
    windowBytes = bytes;
  }

  /// The credit that fills the window again, which counts as granted.
  Optional<FeedMessage.Credit> topUp() {
    long groups = Math.max(0, windowGroups - waitingGroups - unspentGroups);
    long bytes = Math.max(0, windowBytes - waitingBytes - unspentBytes);
    if (groups == 0 && bytes == 0) return Optional.empty();
    unspentGroups += groups;
    unspentBytes += bytes;
    return Optional.of(new FeedMessage.Credit(groups, bytes));
  }

  /// Takes the next seq from the wire.
  ///
  /// @param bytes of a group's frame; 0 for what needs no credit
  /// @return whether it is new
  /// @throws IllegalArgumentException if a seq is missing before it
  boolean arrived(long seq, Delivered delivered, long bytes) {
    spend(bytes);
    if (seq <= held) return false;
    if (seq != held + 1)
      throw new IllegalArgumentException("seq %d came after seq %d".formatted(seq, held));
    held = seq;
    waiting.add(new Entry(delivered, bytes));
    if (bytes > 0) waitingGroups++;
    waitingBytes += bytes;
    return true;
  }

  void ended(Delivered.End end) {
    waiting.add(new Entry(end, 0));
  }

  Optional<Delivered> take() {
    Entry entry = waiting.poll();
    if (entry == null) return Optional.empty();
    if (entry.bytes() > 0) waitingGroups--;
    waitingBytes -= entry.bytes();
    return Optional.of(entry.delivered());
  }

  private void spend(long bytes) {
    if (bytes > 0) unspentGroups--;
    unspentBytes -= bytes;
  }
}
