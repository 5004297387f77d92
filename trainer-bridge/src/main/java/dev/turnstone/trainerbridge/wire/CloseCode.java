package dev.turnstone.trainerbridge.wire;

/// Why the server closes a feed, as a WebSocket close code.
public final class CloseCode {
  /// The run was cancelled, or the peer is done.
  public static final int NORMAL = 1000;

  /// The server stops.
  public static final int GOING_AWAY = 1001;

  /// A message that the protocol does not allow.
  public static final int PROTOCOL = 1002;

  /// The server failed; coming back may help.
  public static final int INTERNAL = 1011;

  /// A hello that does not fit the run.
  public static final int REFUSED = 4400;

  /// A newer trainer took the run's epoch.
  public static final int FENCED = 4401;

  /// Nothing came for too long; coming back may help.
  public static final int SILENT = 4408;

  /// The resume is not kept or lies above head; the reason names the first seq there is.
  public static final int GONE = 4410;

  private CloseCode() {}

  /// Whether a client that comes back unchanged would be closed again.
  public static boolean isFinal(int code) {
    return switch (code) {
      case NORMAL, PROTOCOL, REFUSED, FENCED, GONE -> true;
      default -> false;
    };
  }
}
