/// Benchmarks of the whole and of its parts; results, negative ones too, are kept in
/// `bench/LOG.md`.
///
/// Start with [Main], which lists them. A [Benchmark] measures one thing and answers with JSON.
@NullMarked
package dev.turnstone.bench;

import org.jspecify.annotations.NullMarked;
