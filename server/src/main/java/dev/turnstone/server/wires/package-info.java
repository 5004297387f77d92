/// The wires of other engines, so that trainers written for them work unchanged: vLLM's and
/// SGLang's generation from ids, and their ways to pause, to abort, to forget the cache and to load
/// weights.
///
/// Read [VllmGenerate] and [SglangGenerate] first; [Steering] is what both control wires do.
@NullMarked
package dev.turnstone.server.wires;

import org.jspecify.annotations.NullMarked;
