package dev.turnstone.engine;

/// What happens to the KV blocks of a conversation between its turns.
public enum Retention {
  /// They are held until the next turn; they are given up only when nothing else can run.
  ALWAYS,
  /// They are dropped with their content, so that the next turn computes everything again.
  NEVER,
  /// They are held, and under pressure released to the prefix cache where holding them costs more
  /// than computing them again.
  ADAPTIVE
}
