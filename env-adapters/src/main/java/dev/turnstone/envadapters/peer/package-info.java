/// Services elsewhere and how they are talked to: addresses, headers, deadlines, bounds.
///
/// Start with [Peer]. Every socket goes through [ToolAddressPolicy].
@NullMarked
package dev.turnstone.envadapters.peer;

import org.jspecify.annotations.NullMarked;
