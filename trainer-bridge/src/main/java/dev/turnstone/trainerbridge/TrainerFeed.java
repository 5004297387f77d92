package dev.turnstone.trainerbridge;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/// A run's feed as its trainer uses it. Implementations reconnect by themselves; a call fails only
/// when they gave up.
interface TrainerFeed extends AutoCloseable {
  /// What the server said of the run when the trainer first connected.
  FeedMessage.Welcome welcome();

  /// The next delivery in the order of seq; empty if none came in time.
  Optional<Delivery> take(Duration patience) throws IOException, InterruptedException;

  /// Groups up to `seq` were trained, into `version`.
  void trained(long seq, int version) throws IOException;

  /// Groups up to `seq` are in a durable checkpoint.
  void commit(long seq, int version, String checkpoint) throws IOException;

  /// Publishes weights and returns when they serve.
  FeedMessage.WeightsApplied weights(WeightsId id, Path folder)
      throws IOException, WeightsRejected, InterruptedException;

  /// Figures of a step, shown to people.
  void stats(ObjectNode figures) throws IOException;

  @Override
  void close();

  /// What the feed delivers.
  sealed interface Delivery {
    record Group(GroupFrame frame) implements Delivery {}

    record Dropped(FeedMessage.Dropped message) implements Delivery {}

    /// No group will follow.
    record End(long head) implements Delivery {}
  }
}
