package dev.turnstone.trainerbridge.client;

import dev.turnstone.trainerbridge.weights.WeightsFolder.Published;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// New weights on their way from a trainer to its server, sent once over each connection until one
/// answers. Guarded by its client's lock, which is not held while files are sent.
final class WeightsSender {
  private final String run;
  private final ReentrantLock lock;
  private final Condition changed;
  private final Session session;
  private Optional<Update> update = Optional.empty();

  /// @param changed signalled when an answer came, a connection is there or the feed ended
  WeightsSender(String run, ReentrantLock lock, Condition changed, Session session) {
    this.run = run;
    this.lock = lock;
    this.changed = changed;
    this.session = session;
  }

  /// What a feed's client knows of its connection. Called with the lock.
  interface Session {
    /// Of the connection; empty while there is none.
    OptionalLong epoch();

    Optional<FeedClosed> closed();

    void send(FeedMessage message);

    /// The connection, for files; empty while there is none. Used without the lock.
    Optional<FeedConnection.Uplink> uplink();
  }

  /// @param sentIn epoch of the connection that it was last sent over; 0 if none
  private record Update(
      Published published, boolean stream, long sentIn, Optional<FeedMessage> answer) {
    Update in(long epoch) {
      return new Update(published, stream, epoch, answer);
    }

    Update with(FeedMessage reply) {
      return new Update(published, stream, sentIn, Optional.of(reply));
    }
  }

  /// Sends weights and waits for what became of them.
  ///
  /// @param stream whether their files go over the feed
  FeedMessage send(Published published, boolean stream, Duration timeout)
      throws FeedClosed, IOException, InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
    lock.lock();
    try {
      if (update.isPresent()) throw new IllegalStateException("an update is under way");
      update = Optional.of(new Update(published, stream, 0, Optional.empty()));
      while (update.orElseThrow().answer().isEmpty()) {
        if (session.closed().isPresent()) throw session.closed().get();
        long left = deadline - System.nanoTime();
        if (left <= 0) throw new FeedClosed(CloseCode.SILENT, "no answer to new weights in time");
        OptionalLong epoch = session.epoch();
        if (epoch.isPresent() && epoch.getAsLong() != update.orElseThrow().sentIn())
          sendIn(epoch.getAsLong(), deadline);
        else {
          long _ = changed.awaitNanos(left);
        }
      }
      return update.orElseThrow().answer().orElseThrow();
    } finally {
      update = Optional.empty();
      lock.unlock();
    }
  }

  /// The server's answer to some update came.
  void answered(String lineage, int version, FeedMessage answer) {
    update =
        update.map(sent ->
            sent.published().id().lineage().equals(lineage)
                    && sent.published().id().version() == version
                ? sent.with(answer)
                : sent);
  }

  private void sendIn(long epoch, long deadline) throws IOException, InterruptedException {
    Update sent = update.orElseThrow().in(epoch);
    update = Optional.of(sent);
    if (sent.stream() && !streamed(sent.published(), deadline)) return;
    // Files belong to their connection: the next one gets them all again.
    if (!session.epoch().equals(OptionalLong.of(epoch))) return;
    session.send(new FeedMessage.Weights(request(sent).from(run, epoch)));
  }

  private boolean streamed(Published published, long deadline)
      throws IOException, InterruptedException {
    Optional<FeedConnection.Uplink> uplink = session.uplink();
    if (uplink.isEmpty()) return false;
    lock.unlock();
    try {
      return WeightsFiles.send(published, uplink.get(), deadline);
    } finally {
      lock.lock();
    }
  }

  private static WeightsRequest request(Update sent) {
    return new WeightsRequest(
        Optional.empty(),
        OptionalLong.empty(),
        sent.published().id(),
        sent.stream() ? WeightsRequest.STREAMED : sent.published().folder(),
        Optional.empty(),
        Optional.empty());
  }
}
