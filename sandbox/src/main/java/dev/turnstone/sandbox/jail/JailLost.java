package dev.turnstone.sandbox.jail;

/// The jail failed before its program started: nothing of the program has run.
public final class JailLost extends Exception {
  private static final long serialVersionUID = 1;

  JailLost(String message) {
    super(message);
  }

  JailLost(String message, Throwable cause) {
    super(message, cause);
  }
}
