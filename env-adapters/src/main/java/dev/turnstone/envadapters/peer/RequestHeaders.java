package dev.turnstone.envadapters.peer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import okhttp3.Headers;

/// The headers of one request with their secrets filled in. Lives as long as the request.
public final class RequestHeaders {
  /// Shorter secrets would black out ordinary words.
  private static final int LEAST_SECRET_CHARS = 6;

  private final Headers headers;
  private final List<String> secrets;

  private RequestHeaders(Headers headers, List<String> secrets) {
    this.headers = headers;
    this.secrets = secrets;
  }

  public static RequestHeaders resolve(
      Map<String, HeaderValue> values, Function<String, Optional<String>> environment)
      throws Unresolved {
    Headers.Builder headers = new Headers.Builder();
    List<String> secrets = new ArrayList<>();
    for (Map.Entry<String, HeaderValue> header : values.entrySet()) {
      switch (header.getValue()) {
        case HeaderValue.Plain(String text) -> headers.add(header.getKey(), text);
        case HeaderValue.Secret(String env, String prefix) ->
            headers.add(header.getKey(), prefix + kept(secrets, secret(env, environment)));
        case HeaderValue.SecretFile(Path file, String prefix) ->
            headers.add(header.getKey(), prefix + kept(secrets, secret(file)));
      }
    }
    return new RequestHeaders(headers.build(), secrets);
  }

  public Headers headers() {
    return headers;
  }

  /// The value of one header.
  public String value(String name) {
    return String.valueOf(headers.get(name));
  }

  /// A peer's text without the secrets that it repeats.
  public String blackOut(String text) {
    String clean = text;
    for (String secret : secrets) clean = clean.replace(secret, "[secret]");
    return clean;
  }

  /// Whether a text can stand in a header.
  public static boolean printable(String text) {
    return text.chars().allMatch(c -> c >= 0x20 && c < 0x7f);
  }

  private static String kept(List<String> secrets, String secret) {
    if (secret.length() >= LEAST_SECRET_CHARS) secrets.add(secret);
    return secret;
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

  private static String secret(Path file) throws Unresolved {
    try {
      String value = Files.readString(file).strip();
      if (!value.isEmpty() && printable(value)) return value;
      throw new Unresolved("needs the file " + file + ", whose content cannot stand in a header");
    } catch (IOException e) {
      throw new Unresolved("needs the file " + file + ", which cannot be read");
    }
  }

  /// A secret that is not there.
  public static final class Unresolved extends Exception {
    private static final long serialVersionUID = 1;

    private final String why;

    Unresolved(String why) {
      super(why);
      this.why = why;
    }

    public String why() {
      return why;
    }
  }
}
