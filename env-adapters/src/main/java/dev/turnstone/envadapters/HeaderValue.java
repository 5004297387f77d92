package dev.turnstone.envadapters;

/// The value of a request header: plain text, or the name of an environment variable of the server
/// that holds a secret. The secret itself is read at each call and is in no spec, answer or log.
public sealed interface HeaderValue {
  /// JSON `"text"`.
  record Plain(String value) implements HeaderValue {}

  /// JSON `{"env":"MY_TOKEN","prefix":"Bearer "}`.
  ///
  /// @param prefix put before the secret, may be empty
  record Secret(String env, String prefix) implements HeaderValue {}
}
