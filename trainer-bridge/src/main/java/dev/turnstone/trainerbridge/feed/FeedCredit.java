package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedMessage.Credit;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/// What one connection may still be sent, in groups and bytes: added by its reader, spent by its
/// writer.
final class FeedCredit {
  private static final long MOST = 1L << 40;

  private final AtomicLong groups = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();

  /// Adds to what is left.
  ///
  /// @return whether there was none before
  /// @throws FeedRefusal if it is more than any connection needs
  boolean grant(Credit credit) throws FeedRefusal {
    long moreGroups = Math.min(credit.groups(), MOST + 1);
    long moreBytes = Math.min(credit.bytes(), MOST + 1);
    long hadGroups = groups.getAndAdd(moreGroups);
    long hadBytes = bytes.getAndAdd(moreBytes);
    if (hadGroups + moreGroups > MOST || hadBytes + moreBytes > MOST)
      throw new FeedRefusal(
          CloseCode.PROTOCOL,
          "credit: %d groups and %d bytes make more than 2^40"
              .formatted(credit.groups(), credit.bytes()));
    return hadGroups <= 0 || hadBytes <= 0;
  }

  boolean isLeft() {
    return groups.get() > 0 && bytes.get() > 0;
  }

  void spendGroup() {
    groups.decrementAndGet();
  }

  /// May go below zero by one group.
  void spend(int sent) {
    bytes.addAndGet(-sent);
  }

  void count(Map<String, Long> counters) {
    counters.put("credit_groups", groups.get());
    counters.put("credit_bytes", bytes.get());
  }
}
