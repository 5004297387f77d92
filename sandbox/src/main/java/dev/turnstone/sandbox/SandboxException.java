package dev.turnstone.sandbox;

/// Why the sandbox cannot serve: one sentence for its operator that says what to do.
public final class SandboxException extends Exception {
  private static final long serialVersionUID = 1;

  SandboxException(String message) {
    super(message);
  }

  SandboxException(String message, Throwable cause) {
    super(message, cause);
  }
}
