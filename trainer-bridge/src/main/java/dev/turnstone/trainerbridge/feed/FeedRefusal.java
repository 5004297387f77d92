package dev.turnstone.trainerbridge.feed;

/// The feed closes over something its peer did.
public final class FeedRefusal extends Exception {
  private static final long serialVersionUID = 1;

  private final int code;

  /// @param code as in [CloseCode]
  /// @param reason one sentence for the peer
  FeedRefusal(int code, String reason) {
    super(reason);
    this.code = code;
  }

  int code() {
    return code;
  }

  String reason() {
    return String.valueOf(getMessage());
  }
}
