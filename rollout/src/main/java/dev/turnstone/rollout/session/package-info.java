/// The token record of a conversation that an outside agent drives.
///
/// Start with [SessionRecord]: calls in, each matched with what was said before; rows out.
@NullMarked
package dev.turnstone.rollout.session;

import org.jspecify.annotations.NullMarked;
