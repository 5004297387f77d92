package dev.turnstone.engine.lanes;

import dev.turnstone.engine.StepBatch;

/// One lane's view of a step.
record LaneStep(
    int lane,
    StepBatch batch,
    AttentionWork work,
    Tiling tiling,
    LaneScratch scratch,
    LaneTeam team) {
  /// The rows that are this lane's where rows are independent.
  int firstRow() {
    return (int) ((long) batch.rows() * lane / team.lanes());
  }

  int endRow() {
    return (int) ((long) batch.rows() * (lane + 1) / team.lanes());
  }
}
