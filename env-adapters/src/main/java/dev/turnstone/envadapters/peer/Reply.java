package dev.turnstone.envadapters.peer;

import java.time.Duration;

/// How a request to a peer ended.
public sealed interface Reply {
  /// An HTTP response of any status.
  ///
  /// @param whole whether `body` is all of it; what was beyond [Peer#MAX_BODY_BYTES] was not read
  public record Answered(int status, String body, boolean whole) implements Reply {
    public boolean ok() {
      return status >= 200 && status < 300;
    }
  }

  /// No whole response within the time given.
  ///
  /// @param ofSession whether the session's deadline set that time, not the peer's own timeout
  public record TimedOut(Duration after, boolean ofSession) implements Reply {}

  /// No response: not resolved, not allowed, not connected, or cut off.
  ///
  /// @param passing whether another attempt may go better
  public record Broken(String why, boolean passing) implements Reply {}
}
