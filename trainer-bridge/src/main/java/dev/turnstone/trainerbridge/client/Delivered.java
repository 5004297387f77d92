package dev.turnstone.trainerbridge.client;

import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.GroupFrame;

/// What comes out of the feed, in order of seq.
public sealed interface Delivered {
  /// A group to train.
  record Group(GroupFrame frame) implements Delivered {}

  /// A group that will not come.
  record Dropped(FeedMessage.Dropped dropped) implements Delivered {}

  /// Nothing follows `head`.
  record End(long head) implements Delivered {}
}
