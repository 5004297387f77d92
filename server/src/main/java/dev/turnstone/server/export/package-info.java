/// Stored trajectories as files that other programs read.
///
/// Start with [Export].
@NullMarked
package dev.turnstone.server.export;

import org.jspecify.annotations.NullMarked;
