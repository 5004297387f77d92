/// Sessions: an outside agent's calls, recorded token by token.
///
/// Start with [Sessions], which opens and closes them for runs and for clients, and [SessionsApi],
/// their routes. [SessionRoutes] lets every generating route record; a [SharedCall] is one call of
/// an agent whatever happens to its connections.
@NullMarked
package dev.turnstone.server.sessions;

import org.jspecify.annotations.NullMarked;
