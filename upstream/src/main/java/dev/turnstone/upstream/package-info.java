/// A policy whose tokens come from engines elsewhere, vLLM's and SGLang's. What is above it does
/// not notice, and what an engine does wrong is its end, by name, and not the rollout's.
///
/// Read [UpstreamPolicy] first, then [Fleet] and [Admission].
@NullMarked
package dev.turnstone.upstream;

import org.jspecify.annotations.NullMarked;
