/// `bench engine`: the embedded engine against what its machine could do at best and against other
/// engines. Start with [dev.turnstone.bench.engine.EngineSpeed]; each other class ending in
/// `Figure` measures one thing.
@NullMarked
package dev.turnstone.bench.engine;

import org.jspecify.annotations.NullMarked;
