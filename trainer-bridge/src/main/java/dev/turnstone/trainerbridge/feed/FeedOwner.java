package dev.turnstone.trainerbridge.feed;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.weights.WeightsUpload;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;

/// The run as its feed sees it. Unless it says otherwise, a method is called with the run's lock.
public interface FeedOwner {
  RunSpec spec();

  TrajectoryLog log();

  /// The policy that a trainer must share.
  PolicyIdentity policy();

  /// The weights that serve.
  WeightsId applied();

  /// No task will follow and every group has its place in the feed.
  boolean finished();

  /// There may be room for more groups.
  void admit();

  /// A group that was complete will not be delivered.
  void dropped(Dropped dropped);

  /// Applies weights that the trainer sent. Called without the lock.
  WeightsOutcome apply(WeightsRequest request);

  /// A place for the files of weights that a trainer sends. Called without the lock.
  WeightsUpload upload() throws IOException;

  /// Figures that the trainer sent. Called without the lock.
  void stats(ObjectNode figures);
}
