/// NeMo Gym resource servers.
///
/// Start with [NemoGymSource].
@NullMarked
package dev.turnstone.envadapters.nemogym;

import org.jspecify.annotations.NullMarked;
