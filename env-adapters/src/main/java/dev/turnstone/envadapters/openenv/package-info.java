/// OpenEnv servers: one WebSocket an episode.
///
/// Start with [OpenEnvSource].
@NullMarked
package dev.turnstone.envadapters.openenv;

import org.jspecify.annotations.NullMarked;
