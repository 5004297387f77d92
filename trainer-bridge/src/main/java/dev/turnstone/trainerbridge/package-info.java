/// From finished rollouts to trained weights: the durable log, groups, admission, the feed, weights
/// and the trainer's side of it.
///
/// Start with [Run], which owns one training job's groups, then [FeedSession], which delivers them,
/// and [TrajectoryLog], which makes both survive a crash. [FeedClient] is the other end of the
/// wire.
@NullMarked
package dev.turnstone.trainerbridge;

import org.jspecify.annotations.NullMarked;
