package dev.turnstone.envadapters;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import okhttp3.Headers;

/// The headers of one request with their secrets filled in. Lives as long as the request.
final class RequestHeaders {
  /// Shorter secrets would black out ordinary words.
  private static final int LEAST_SECRET_CHARS = 6;

  private final Headers headers;
  private final List<String> secrets;

  private RequestHeaders(Headers headers, List<String> secrets) {
    this.headers = headers;
    this.secrets = secrets;
  }

  static RequestHeaders resolve(
      Map<String, HeaderValue> values, Function<String, Optional<String>> environment)
      throws Unresolved {
    Headers.Builder headers = new Headers.Builder();
    List<String> secrets = new ArrayList<>();
    for (Map.Entry<String, HeaderValue> header : values.entrySet()) {
      switch (header.getValue()) {
        case HeaderValue.Plain(String text) -> headers.add(header.getKey(), text);
        case HeaderValue.Secret(String env, String prefix) -> {
          String secret = secret(env, environment);
          headers.add(header.getKey(), prefix + secret);
          if (secret.length() >= LEAST_SECRET_CHARS) secrets.add(secret);
        }
      }
    }
    return new RequestHeaders(headers.build(), secrets);
  }

  Headers headers() {
    return headers;
  }

  /// A peer's text without the secrets that it repeats.
  String blackOut(String text) {
    String clean = text;
    for (String secret : secrets) clean = clean.replace(secret, "[secret]");
    return clean;
  }

  /// Whether a text can stand in a header.
  static boolean printable(String text) {
    return text.chars().allMatch(c -> c >= 0x20 && c < 0x7f);
  }

  private static String secret(String env, Function<String, Optional<String>> environment)
      throws Unresolved {
    String value =
        environment
            .apply(env)
            .map(String::strip)
            .orElseThrow(() ->
                new Unresolved("needs the environment variable " + env + ", which is not set"));
    if (value.isEmpty() || !printable(value))
      throw new Unresolved(
          "needs the environment variable " + env + ", which cannot stand in a header");
    return value;
  }

  /// A secret that is not there.
  static final class Unresolved extends Exception {
    private static final long serialVersionUID = 1;

    private final String why;

    Unresolved(String why) {
      super(why);
      this.why = why;
    }

    String why() {
      return why;
    }
  }
}
