package dev.turnstone.envadapters.peer;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import okhttp3.HttpUrl;

/// Reads where an entry of a registration answers. Its messages show no URL that may hold a
/// password and no header value, which may be a secret in the wrong place.
public final class EndpointReader {
  private static final int MAX_HEADERS = 32;
  private static final Pattern HEADER = Pattern.compile("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}");
  private static final Pattern VARIABLE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]{0,127}");

  /// Headers whose values are secrets by their nature: only references are taken.
  private static final Pattern SECRET =
      Pattern.compile(
          ".*(authorization|cookie|token|secret|password|api-?key).*", Pattern.CASE_INSENSITIVE);

  /// Headers that the HTTP client writes itself.
  private static final Set<String> RESERVED =
      Set.of(
          "host",
          "content-length",
          "content-type",
          "transfer-encoding",
          "connection",
          "upgrade",
          "te",
          "trailer",
          "expect",
          "accept-encoding",
          Peer.SESSION_HEADER.toLowerCase(Locale.ROOT));

  private EndpointReader() {}

  public static Endpoint read(Fields fields, Origin origin, Duration defaultTimeout) {
    return new Endpoint(
        url(fields),
        headers(fields, "headers", origin),
        fields.seconds("timeout_s", defaultTimeout));
  }

  private static String url(Fields fields) {
    String text = fields.text("url");
    HttpUrl url = HttpUrl.parse(text);
    if (url == null)
      throw new InvalidEnvironment(fields.path("url") + " must be an http or https URL");
    if (!url.username().isEmpty() || !url.password().isEmpty())
      throw new InvalidEnvironment(
          fields.path("url") + " must not hold a user or password; use headers with {\"env\":…}");
    if (url.fragment() != null) throw fields.bad("url", "must not have a fragment");
    return text;
  }

  /// Names and values that may be secrets, such as headers or the variables of a command.
  public static Map<String, HeaderValue> headers(Fields fields, String field, Origin origin) {
    Map<String, HeaderValue> headers = new LinkedHashMap<>();
    Map<String, JsonNode> entries = fields.entries(field);
    if (entries.size() > MAX_HEADERS)
      throw new InvalidEnvironment(
          "%s must have at most %d entries, has %d"
              .formatted(fields.path(field), MAX_HEADERS, entries.size()));
    entries.forEach((name, node) ->
        headers.put(name, header(name, node, fields.path(field) + "." + name, origin)));
    return headers;
  }

  private static HeaderValue header(String name, JsonNode node, String path, Origin origin) {
    if (!HEADER.matcher(name).matches())
      throw new InvalidEnvironment(path + " is not a header name");
    if (RESERVED.contains(name.toLowerCase(Locale.ROOT)))
      throw new InvalidEnvironment(path + " is set by the server itself");
    if (node.isTextual() && !SECRET.matcher(name).matches()) {
      if (!RequestHeaders.printable(node.textValue()))
        throw new InvalidEnvironment(path + " must be printable ASCII");
      return new HeaderValue.Plain(node.textValue());
    }
    if (!node.isObject())
      throw new InvalidEnvironment(
          path + " must name an environment variable of the server, as in {\"env\":\"MY_TOKEN\"}");
    Fields fields = Fields.of(node, path);
    String prefix = fields.text("prefix", "");
    if (!RequestHeaders.printable(prefix)) throw fields.bad("prefix", "must be printable ASCII");
    if (fields.node("file").isPresent()) {
      if (origin != Origin.OPERATOR)
        throw fields.bad("file", "is taken from the operator's configuration only");
      return new HeaderValue.SecretFile(Path.of(fields.text("file")), prefix);
    }
    String env = fields.text("env", VARIABLE);
    if (env.startsWith("TURNSTONE_"))
      throw fields.bad("env", "must not be a variable of the server itself");
    return new HeaderValue.Secret(env, prefix);
  }
}
