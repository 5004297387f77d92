package dev.turnstone.sandbox.jail;

/// Why the sandbox cannot serve: one sentence for its operator that says what to do.
public final class SandboxException extends Exception {
  private static final long serialVersionUID = 1;

  public SandboxException(String message) {
    super(message);
  }

  public SandboxException(String message, Throwable cause) {
    super(message, cause);
  }
}
