/// Requests between Vert.x event loops and virtual threads: read [Rim], then [Dispatch] and
/// [Exchange]. [Access] says who may pass, [Contract] checks bodies against `turnstone.yaml`, a
/// [Route] is one line of the table of routes.
@NullMarked
package dev.turnstone.server.http;

import org.jspecify.annotations.NullMarked;
