package dev.turnstone.trainerbridge.client;

/// The feed ended for its client in a way that coming back would not change.
public final class FeedClosed extends Exception {
  private static final long serialVersionUID = 1;

  private final int code;

  /// @param code as in [CloseCode], or an HTTP status if there was no connection
  FeedClosed(int code, String reason) {
    super("%s (%d)".formatted(reason, code));
    this.code = code;
  }

  public int code() {
    return code;
  }
}
