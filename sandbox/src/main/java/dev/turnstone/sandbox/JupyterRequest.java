package dev.turnstone.sandbox;

import dev.turnstone.sandbox.egress.AllowList;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/// Cells to run one after the other in one Python process.
///
/// @param cellTimeout wall-clock time of each; zero for no limit of its own
/// @param totalTimeout wall-clock time of all
/// @param memoryMb what all processes may hold together, in MiB
/// @param files what lies in the jail before the first cell, by path relative to `/workspace`
/// @param fetchFiles paths to bring back after the last one; those that are not there are left out
record JupyterRequest(
    List<String> cells,
    Duration cellTimeout,
    Duration totalTimeout,
    int memoryMb,
    Map<String, byte[]> files,
    List<String> fetchFiles,
    AllowList network) {
  static final double TOTAL_SECONDS = 45;
}
