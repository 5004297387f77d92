/// The forward pass on a CPU: as many lanes as cores, each a thread. libtorch multiplies packed
/// matrices, one thread at a time; everything else is SIMD of our own over plain memory.
///
/// Lanes compute the same step together. Each owns a share of every matrix's output columns, so
/// that every weight is read once per step, takes its share of the rows where rows are independent,
/// and claims attention by sequence and head. They meet at a [Meeting] between such stages.
///
/// Start with [LaneForward], which says the order of stages. Kernels take addresses, as C would:
/// their callers own the bounds.
@NullMarked
package dev.turnstone.engine.lanes;

import org.jspecify.annotations.NullMarked;
