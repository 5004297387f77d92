/// Benchmarks. Start with [Main], which lists them; each prints one JSON object with ratios of one run,
/// since the machines they run on are noisy. What they found is in `bench/LOG.md`.
@NullMarked
package dev.turnstone.bench;

import org.jspecify.annotations.NullMarked;
