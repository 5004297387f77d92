package dev.turnstone.engine.lanes;

import dev.turnstone.engine.StepBatch;

/// One lane's view of a step.
record LaneStep(
    int lane,
    StepBatch batch,
    AttentionWork work,
    Tiling tiling,
    Shares rows,
    LaneScratch scratch,
    LaneTeam team) {
  /// The rows that are this lane's where rows are independent.
  int firstRow() {
    return rows.first(lane);
  }

  int endRow() {
    return rows.end(lane);
  }
}
