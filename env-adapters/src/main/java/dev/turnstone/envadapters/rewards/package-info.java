/// The reward of a finished conversation: the weighted sum of parts.
///
/// Start with [Scoring]; each part is a [Scorer].
@NullMarked
package dev.turnstone.envadapters.rewards;

import org.jspecify.annotations.NullMarked;
