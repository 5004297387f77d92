package dev.turnstone.server.http;

/// What a request must pass before it is looked at, and leaves when it is answered.
interface Admission {
  /// Lets a request in.
  ///
  /// @throws Refused if it must come back later; then it does not leave
  void enter();

  void leave();
}
