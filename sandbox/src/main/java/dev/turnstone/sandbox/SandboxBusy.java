package dev.turnstone.sandbox;

/// No place became free in time; the client should come again.
final class SandboxBusy extends Exception {
  private static final long serialVersionUID = 1;

  SandboxBusy(String message) {
    super(message);
  }
}
