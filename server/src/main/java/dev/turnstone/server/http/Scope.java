package dev.turnstone.server.http;

import java.util.Locale;

/// What a key may do; each scope includes the ones before it.
public enum Scope {
  /// Needs no key.
  OPEN,
  /// Models and chat.
  AGENT,
  /// Runs, groups and feeds.
  RUN,
  /// Environments, weights and metrics.
  ADMIN;

  boolean includes(Scope other) {
    return compareTo(other) >= 0;
  }

  public String wire() {
    return name().toLowerCase(Locale.ROOT);
  }
}
