package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.wire.FeedJson;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.GroupCodec;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/// Keeps what a session sends.
public final class RecordingSocket implements FeedSocket {
  private final List<FeedMessage> messages = new CopyOnWriteArrayList<>();
  private final List<GroupFrame> groups = new CopyOnWriteArrayList<>();
  private final List<Long> order = new CopyOnWriteArrayList<>();
  private volatile Optional<Integer> code = Optional.empty();
  private volatile String reason = "";

  @Override
  public void text(String message) throws IOException {
    FeedMessage decoded = FeedJson.decode(message);
    messages.add(decoded);
    if (decoded instanceof FeedMessage.Dropped dropped) order.add(dropped.seq());
  }

  @Override
  public void binary(byte[] message) {
    GroupFrame group = GroupCodec.decode(message);
    groups.add(group);
    order.add(group.seq());
  }

  @Override
  public void close(int closeCode, String why) {
    code = Optional.of(closeCode);
    reason = why;
  }

  /// Seqs of groups and drops as they were sent.
  List<Long> order() {
    return List.copyOf(order);
  }

  List<GroupFrame> groups() {
    return List.copyOf(groups);
  }

  <T extends FeedMessage> List<T> all(Class<T> type) {
    return messages.stream().filter(type::isInstance).map(type::cast).toList();
  }

  <T extends FeedMessage> T last(Class<T> type) {
    return all(type).getLast();
  }

  Optional<Integer> code() {
    return code;
  }

  String reason() {
    return reason;
  }
}
