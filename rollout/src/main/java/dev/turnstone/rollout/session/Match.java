package dev.turnstone.rollout.session;

/// How a call's history relates to what a session holds.
///
/// @param reason empty for [Kind#CLEAN]
public record Match(Kind kind, String reason) {
  /// The first call of a session, or one that goes on where a row ends.
  static final Match CLEAN = new Match(Kind.CLEAN, "");

  /// What becomes of the tokens.
  public enum Kind {
    /// The row goes on.
    CLEAN,
    /// The client changed what was said: a new row keeps the tokens up to there, and reads the rest
    /// as the client tells it.
    REALIGN,
    /// A new row: another conversation, or another continuation of one.
    FORK
  }

  static Match fork(String reason) {
    return new Match(Kind.FORK, reason);
  }

  static Match realign(int message) {
    return new Match(Kind.REALIGN, "message_" + message);
  }

  /// The flag of a row that begins so.
  String flag() {
    return kind.name().toLowerCase(java.util.Locale.ROOT) + ":" + reason;
  }
}
