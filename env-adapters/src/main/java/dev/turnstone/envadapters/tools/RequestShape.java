package dev.turnstone.envadapters.tools;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Peer;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// How arguments become an HTTP request.
///
/// @param path appended to the endpoint's URL; `{name}` stands for an argument
/// @param inPath arguments that `path` names
/// @param inQuery arguments that go into the query
/// @param body what becomes of the other arguments
public record RequestShape(
    String method, String path, List<String> inPath, List<String> inQuery, Body body) {
  /// What becomes of the arguments that are in neither path nor query.
  public enum Body {
    /// There is no body; they go into the query.
    NONE,
    /// They are the fields of the body.
    FIELDS,
    /// The argument `body` is the body.
    WHOLE
  }

  /// The shape of a tool that its registration describes.
  static RequestShape of(ToolEntry.Method method) {
    return switch (method) {
      case POST, PUT, PATCH ->
          new RequestShape(method.name(), "", List.of(), List.of(), Body.FIELDS);
      case GET, DELETE -> new RequestShape(method.name(), "", List.of(), List.of(), Body.NONE);
    };
  }

  Peer.Exchange exchange(JsonNode arguments, String session) {
    String filled = path;
    Map<String, String> query = new LinkedHashMap<>();
    ObjectNode rest = JsonText.object();
    for (Map.Entry<String, JsonNode> argument : arguments.properties()) {
      String name = argument.getKey();
      if (inPath.contains(name))
        filled = filled.replace("{" + name + "}", segment(text(argument.getValue())));
      else if (body == Body.NONE || inQuery.contains(name))
        query.put(name, text(argument.getValue()));
      else rest.set(name, argument.getValue());
    }
    Optional<String> json =
        switch (body) {
          case NONE -> Optional.empty();
          case FIELDS -> Optional.of(rest.toString());
          case WHOLE -> Optional.of(rest.path("body").toString()).filter(text -> !text.isEmpty());
        };
    boolean needsBody = List.of("POST", "PUT", "PATCH").contains(method);
    return new Peer.Exchange(
        method, filled, query, needsBody ? json.or(() -> Optional.of("{}")) : json, session);
  }

  /// Nothing that a policy writes may leave its segment.
  private static String segment(String text) {
    String encoded = URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    return encoded.matches("\\.+") ? encoded.replace(".", "%2E") : encoded;
  }

  private static String text(JsonNode value) {
    return value.isTextual() ? value.textValue() : value.toString();
  }
}
