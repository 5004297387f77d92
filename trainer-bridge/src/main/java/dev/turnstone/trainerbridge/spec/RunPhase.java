package dev.turnstone.trainerbridge.spec;

/// How far a run has come.
public enum RunPhase {
  /// Tasks are taken.
  OPEN,
  /// No task will follow; admitted and waiting ones are finished and delivered.
  ENDED,
  /// Stopped by its client: nothing is rolled out or delivered any more.
  CANCELLED
}
