/// `turnstone demo`: a client of the server, the sandbox and the trainer that it starts; read
/// [Demo] first.
@NullMarked
package dev.turnstone.server.demo;

import org.jspecify.annotations.NullMarked;
