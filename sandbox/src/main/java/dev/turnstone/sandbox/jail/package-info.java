/// Jails: what a program runs in, how one starts, and what ends it.
///
/// Start with [Jails], which opens them, then [Jail], then `agent/_turnstone/zygote.py` and
/// `worker.py`, our side inside them.
@NullMarked
package dev.turnstone.sandbox.jail;

import org.jspecify.annotations.NullMarked;
