package dev.turnstone.envadapters.mcp;

import java.time.Duration;

/// A message to an MCP server that did not come to its end.
abstract sealed class McpFailure extends Exception {
  private static final long serialVersionUID = 1;

  private McpFailure(String message) {
    super(message);
  }

  /// No answer within the time given; the server was told that nobody waits for it any more.
  static final class TimedOut extends McpFailure {
    private static final long serialVersionUID = 1;

    TimedOut(Duration after) {
      super("did not answer within " + after.toMillis() + " ms");
    }
  }

  /// The server, or its session, is gone or broken. The message goes on after its name.
  static final class Lost extends McpFailure {
    private static final long serialVersionUID = 1;

    private final boolean passing;

    /// A loss.
    ///
    /// @param passing whether another attempt may go better
    Lost(String why, boolean passing) {
      super(why);
      this.passing = passing;
    }

    Lost(String why) {
      this(why, false);
    }

    boolean passing() {
      return passing;
    }
  }
}
