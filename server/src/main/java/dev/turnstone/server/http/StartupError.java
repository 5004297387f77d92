package dev.turnstone.server.http;

/// The operator asked for something that cannot be: one sentence for the terminal, exit code 2.
public final class StartupError extends RuntimeException {
  private static final long serialVersionUID = 1;

  public StartupError(String message) {
    super(message, null, false, false);
  }
}
