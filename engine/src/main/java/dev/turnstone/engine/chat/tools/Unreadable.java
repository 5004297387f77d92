package dev.turnstone.engine.chat.tools;

/// Why a call cannot be read, in words for the policy.
final class Unreadable extends Exception {
  private static final long serialVersionUID = 1;

  private final String why;

  Unreadable(String why) {
    super(why, null, false, false);
    this.why = why;
  }

  String why() {
    return why;
  }
}
