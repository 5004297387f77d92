package dev.turnstone.engine;

import java.util.List;

/// What the next step computes.
///
/// @param batch sequences with `scheduled` set; empty if nothing can run
/// @param copies to be made before
record Schedule(List<Sequence> batch, List<BlockCopy> copies) {}
