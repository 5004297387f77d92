package dev.turnstone.server;

/// The operator asked for something that cannot be: one sentence for the terminal, exit code 2.
final class StartupError extends RuntimeException {
  private static final long serialVersionUID = 1;

  StartupError(String message) {
    super(message, null, false, false);
  }
}
