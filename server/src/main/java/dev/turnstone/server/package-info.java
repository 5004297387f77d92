/// The HTTP rim, the CLI and the composition root: the only package that knows all others.
///
/// Read [Server] first: it puts the parts together and is the table of routes. [Rim] carries
/// requests between Vert.x event loops and virtual threads, [Access] says who may pass, [Contract]
/// checks bodies against `turnstone.yaml`. The rest are endpoints, one class per resource.
@NullMarked
package dev.turnstone.server;

import org.jspecify.annotations.NullMarked;
