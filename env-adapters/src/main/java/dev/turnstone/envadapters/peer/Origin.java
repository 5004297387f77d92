package dev.turnstone.envadapters.peer;

/// Who wrote a registration.
public enum Origin {
  /// A client over HTTP: no commands, no files of the server.
  HTTP,
  /// The operator, in the server's configuration.
  OPERATOR
}
