/// The feed on the wire: control messages as JSON, groups as CBOR with typed arrays. The log keeps
/// trajectories in the same encoding.
///
/// Start with [FeedMessage] and [GroupFrame].
@NullMarked
package dev.turnstone.trainerbridge.wire;

import org.jspecify.annotations.NullMarked;
