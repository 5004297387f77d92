package dev.turnstone.envadapters.peer;

import java.nio.file.Path;

/// The value of a request header: plain text, or the name of an environment variable of the server
/// or of a file that holds a secret. The secret itself is read at each call and is in no spec,
/// answer or log.
public sealed interface HeaderValue {
  /// JSON `"text"`.
  public record Plain(String value) implements HeaderValue {}

  /// JSON `{"env":"MY_TOKEN","prefix":"Bearer "}`.
  ///
  /// @param prefix put before the secret, may be empty
  public record Secret(String env, String prefix) implements HeaderValue {}

  /// JSON `{"file":"/run/secrets/token","prefix":"Bearer "}`; from the operator only.
  ///
  /// @param file read anew for every request; white space around its content is not part of it
  /// @param prefix put before the secret, may be empty
  public record SecretFile(Path file, String prefix) implements HeaderValue {}
}
