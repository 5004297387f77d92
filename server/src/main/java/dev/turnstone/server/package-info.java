/// The command line and the composition root: the only package that knows all others.
///
/// Read [Server] first: it puts the parts together and is the table of routes. `http` carries
/// requests, `completion` is the pipeline from prompt ids to choices, `openai` and its siblings are
/// the wires over it, `runs` is what trainers use, `demo` a client of all that.
@NullMarked
package dev.turnstone.server;

import org.jspecify.annotations.NullMarked;
