package dev.turnstone.trainerbridge.runs;

/// What became of submitted tasks, all together.
public sealed interface Submitted {
  /// Durable; `groups` of them were new.
  record Accepted(int groups) implements Submitted {}

  /// All were known with the same body.
  record Known() implements Submitted {}

  /// None was taken; `why` is one sentence for the client.
  record Refused(String why) implements Submitted {}

  /// Too many tasks wait; the same request may succeed later.
  record Full(String why) implements Submitted {}
}
