package dev.turnstone.upstream.http;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/// What a request says before its body.
///
/// @param path below the engine's own
/// @param key sent as a bearer token
public record RequestHead(String method, String path, Optional<String> key) {
  public RequestHead {
    // It would begin another header. The key itself is nobody's to read.
    if (key.isPresent() && key.get().chars().anyMatch(c -> c < ' ' || c > '~'))
      throw new IllegalArgumentException("an engine's key has a letter that no header may have");
  }

  /// Without the key, which must not come into a log.
  @Override
  public String toString() {
    return method + " " + path;
  }

  /// The whole request.
  byte[] with(Origin origin, URI engine, byte[] body) {
    String base = engine.getRawPath() == null ? "" : engine.getRawPath();
    StringBuilder head = new StringBuilder(256);
    head.append(method).append(' ');
    head.append(base.endsWith("/") ? base.substring(0, base.length() - 1) : base).append(path);
    head.append(" HTTP/1.1\r\nHost: ").append(origin.authority());
    head.append("\r\nAccept-Encoding: identity\r\nUser-Agent: turnstone\r\n");
    key.ifPresent(value -> head.append("Authorization: Bearer ").append(value).append("\r\n"));
    if (!method.equals("GET"))
      head.append("Content-Type: application/json\r\nContent-Length: ")
          .append(body.length)
          .append("\r\n");
    byte[] written = head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    byte[] all = Arrays.copyOf(written, written.length + body.length);
    System.arraycopy(body, 0, all, written.length, body.length);
    return all;
  }
}
