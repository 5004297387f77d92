/// The durable log: everything that survives a crash.
///
/// Start with [TrajectoryLog].
@NullMarked
package dev.turnstone.trainerbridge.log;

import org.jspecify.annotations.NullMarked;
