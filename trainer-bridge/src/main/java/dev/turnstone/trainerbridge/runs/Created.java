package dev.turnstone.trainerbridge.runs;

/// What became of a run that a client asked for.
public sealed interface Created {
  /// It is new.
  record Fresh(Run run) implements Created {}

  /// It was there with the same specification.
  record Known(Run run) implements Created {}

  /// It was not made; `why` is one sentence for the client.
  record Refused(String why) implements Created {}
}
