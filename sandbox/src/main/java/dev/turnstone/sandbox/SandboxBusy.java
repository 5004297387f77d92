package dev.turnstone.sandbox;

import java.time.Duration;

/// No place became free in time; the client should come again.
final class SandboxBusy extends Exception {
  private static final long serialVersionUID = 1;

  private final Duration waited;

  SandboxBusy(String message) {
    this(message, Duration.ZERO);
  }

  SandboxBusy(String message, Duration waited) {
    super(message);
    this.waited = waited;
  }

  /// In the queue, before it was turned away.
  Duration waited() {
    return waited;
  }
}
