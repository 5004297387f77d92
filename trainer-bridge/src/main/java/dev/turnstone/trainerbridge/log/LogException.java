package dev.turnstone.trainerbridge.log;

/// The trajectory log could not do its work: disk full, damaged, or closed. What was asked of it
/// did not happen.
public final class LogException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public LogException(String message, Throwable cause) {
    super(message, cause);
  }

  public LogException(String message) {
    super(message);
  }
}
