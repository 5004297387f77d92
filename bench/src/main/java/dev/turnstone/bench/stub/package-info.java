/// Engines that cost nothing: processes that speak vLLM's and SGLang's wires, with the delays,
/// caches and limits of real ones if asked for, and tokens that can be checked afterwards.
@NullMarked
package dev.turnstone.bench.stub;

import org.jspecify.annotations.NullMarked;
