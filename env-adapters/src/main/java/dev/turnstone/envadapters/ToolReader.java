package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.Endpoint;
import dev.turnstone.envadapters.peer.EndpointReader;
import dev.turnstone.envadapters.peer.Fields;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Origin;
import dev.turnstone.envadapters.tools.ArgumentSchema;
import dev.turnstone.envadapters.tools.CallRules;
import dev.turnstone.envadapters.tools.CallRules.Keep;
import dev.turnstone.envadapters.tools.ToolEntry;
import dev.turnstone.envadapters.tools.ToolEntry.Chosen;
import dev.turnstone.envadapters.tools.ToolEntry.McpPlace;
import dev.turnstone.envadapters.tools.ToolEntry.McpPlace.Wire;
import dev.turnstone.envadapters.tools.ToolEntry.Method;
import dev.turnstone.envadapters.tools.ToolEntry.OnTimeout;
import dev.turnstone.envadapters.tools.ToolEntry.Style;
import dev.turnstone.rollout.Json;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;

/// Reads an entry of `tools`. Bounds and defaults of its fields are here and nowhere else.
final class ToolReader {
  private static final Pattern PREFIX = Pattern.compile("[A-Za-z0-9_-]{0,32}");
  private static final Pattern HOST =
      Pattern.compile("(\\[[0-9a-fA-F:.]+]|\\*|(\\*\\.)?[A-Za-z0-9._-]{1,253})(:\\d{1,5})?");
  private static final int MAX_HOSTS = 100;
  private static final int MAX_WORDS = 256;

  private ToolReader() {}

  static ToolEntry read(Fields fields, Origin origin) {
    return switch (fields.text("kind")) {
      case "sandbox" -> sandbox(fields, origin);
      case "http" -> http(fields, origin);
      case "openapi" -> openApi(fields, origin);
      case "mcp" -> mcp(fields, origin);
      case "openenv" ->
          new ToolEntry.OpenEnv(
              name(fields),
              endpoint(fields, origin, 60),
              rules(fields, false, false),
              fields.text("tool", "act"),
              onTimeout(fields));
      case "nemo_gym" ->
          new ToolEntry.NemoGym(
              name(fields),
              endpoint(fields, origin, 60),
              rules(fields, false, false),
              fields.word("style", Style.TOOLS, Style::wire),
              onTimeout(fields));
      default ->
          throw fields.bad("kind", "must be sandbox, http, openapi, mcp, openenv or nemo_gym");
    };
  }

  private static ToolEntry sandbox(Fields fields, Origin origin) {
    return new ToolEntry.Sandbox(
        name(fields),
        fields.text("description"),
        endpoint(fields, origin, 10),
        // Each call has a sandbox of its own, so nothing speaks against repeating it.
        rules(fields, true, false),
        fields.text("language", "python"),
        fields.text("argument", "code"),
        fields.integer("memory_limit_mb", 512, 1, 65_536),
        hosts(fields));
  }

  private static List<String> hosts(Fields fields) {
    List<String> hosts = fields.texts("network", MAX_HOSTS);
    for (String host : hosts)
      if (!HOST.matcher(host).matches())
        throw fields.bad("network", "must hold host, host:port, *.domain or an address");
    return hosts;
  }

  private static ToolEntry http(Fields fields, Origin origin) {
    return new ToolEntry.Http(
        name(fields),
        fields.text("description"),
        endpoint(fields, origin, 10),
        rules(fields, false, fields.flag("idempotent", false)),
        fields.word("method", Method.POST, Method::name),
        parameters(fields),
        onTimeout(fields));
  }

  private static ToolEntry openApi(Fields fields, Origin origin) {
    boolean inline = fields.node("document").isPresent();
    if (inline && !fields.node("document").get().isObject())
      throw fields.bad("document", "must be an OpenAPI document as a JSON object");
    return new ToolEntry.OpenApi(
        name(fields),
        endpoint(fields, origin, 10),
        rules(fields, false, fields.flag("idempotent", false)),
        inline
            ? new ToolEntry.Document.Inline(new Json(fields.node("document").get().toString()))
            : new ToolEntry.Document.At(fields.text("document_url", "openapi.json")),
        chosen(fields),
        onTimeout(fields));
  }

  private static ToolEntry mcp(Fields fields, Origin origin) {
    boolean command = fields.node("command").isPresent();
    if (command && origin != Origin.OPERATOR)
      throw fields.bad("command", "is taken from the operator's configuration only");
    if (command && fields.node("url").isPresent())
      throw fields.bad("url", "must not stand beside a command");
    McpPlace place =
        command
            ? command(fields, origin)
            : new McpPlace.Remote(
                endpoint(fields, origin, 30), fields.word("transport", Wire.HTTP, Wire::wire));
    return new ToolEntry.Mcp(
        name(fields),
        place,
        fields.seconds("timeout_s", Duration.ofSeconds(30)),
        rules(fields, false, fields.flag("idempotent", false)),
        chosen(fields),
        onTimeout(fields));
  }

  private static McpPlace command(Fields fields, Origin origin) {
    List<Path> readOnly = fields.texts("read_only", MAX_WORDS).stream().map(Path::of).toList();
    for (Path path : readOnly)
      if (!path.isAbsolute()) throw fields.bad("read_only", "must hold absolute paths");
    return new McpPlace.Command(
        fields.texts("command", MAX_WORDS),
        EndpointReader.headers(fields, "env", origin),
        readOnly,
        fields.flag("network", false));
  }

  private static String name(Fields fields) {
    return fields.text("name", SpecReader.NAME);
  }

  private static Endpoint endpoint(Fields fields, Origin origin, int seconds) {
    return EndpointReader.read(fields, origin, Duration.ofSeconds(seconds));
  }

  private static Chosen chosen(Fields fields) {
    String prefix = fields.node("prefix").isPresent() ? fields.text("prefix", PREFIX) : "";
    return new Chosen(fields.texts("tools", MAX_WORDS), prefix);
  }

  private static CallRules rules(Fields fields, boolean idempotent, boolean parallel) {
    return new CallRules(
        fields.flag("idempotent", idempotent),
        fields.flag("parallel", parallel),
        fields.integer("concurrency", 0, 0, 1_000_000),
        fields.number("rate_per_s", 0, 0, 1e6),
        new CallRules.Output(
            fields.integer("max_output_tokens", 1024, 1, 1_000_000),
            fields.word("keep", Keep.MIDDLE, Keep::wire)));
  }

  private static OnTimeout onTimeout(Fields fields) {
    return fields.word("on_timeout", OnTimeout.ENVIRONMENT_LOST, OnTimeout::wire);
  }

  private static Json parameters(Fields fields) {
    JsonNode schema = fields.node("parameters").orElseGet(ToolReader::noParameters);
    ArgumentSchema.compile(schema, fields.path("parameters"));
    return new Json(schema.toString());
  }

  private static ObjectNode noParameters() {
    ObjectNode schema = JsonText.object().put("type", "object");
    schema.putObject("properties");
    return schema;
  }
}
