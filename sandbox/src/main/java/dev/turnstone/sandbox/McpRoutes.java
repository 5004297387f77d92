package dev.turnstone.sandbox;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.Session.Gone;
import io.vertx.core.http.HttpMethod;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// `/mcp`: the Model Context Protocol's streamable HTTP, one sandbox session for each MCP session.
///
/// Every answer is one JSON message; nothing is streamed, so GET is 405. A tool call ends at its
/// own timeout, or at once by `notifications/cancelled`; its session goes on.
final class McpRoutes {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SESSION = "mcp-session-id";
  private static final List<String> VERSIONS =
      List.of("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05");
  private static final int PARSE_ERROR = -32700;
  private static final int INVALID_REQUEST = -32600;
  private static final int NO_METHOD = -32601;
  private static final int INVALID_PARAMS = -32602;

  private final Sessions sessions;
  private final Guard guard;

  McpRoutes(Sessions sessions, Guard guard) {
    this.sessions = sessions;
    this.guard = guard;
  }

  void addTo(Endpoints endpoints) {
    endpoints.post("/mcp", this::message).add(HttpMethod.DELETE, "/mcp", this::close);
  }

  private Reply close(Call call) {
    Optional<String> id = call.header(SESSION);
    if (id.isEmpty()) return Reply.detail(400, "The header Mcp-Session-Id is missing");
    boolean open = sessions.close(id.get(), "its MCP client closed it");
    return open ? Reply.empty(200) : Reply.detail(404, "There is no session " + id.get());
  }

  private Reply message(Call call)
      throws SandboxBusy, Sessions.Full, Endpoints.Unsafe, InterruptedException {
    guard.check();
    JsonNode message;
    try {
      message = JSON.readTree(call.body());
    } catch (JsonProcessingException e) {
      return error(400, NULL_ID, PARSE_ERROR, "The body is no JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new IllegalStateException("reading from memory failed", e);
    }
    JsonNode id = message.path("id");
    boolean request = id.isTextual() || id.isNumber();
    if (!message.isObject() || !message.path("jsonrpc").asText().equals("2.0"))
      return error(400, NULL_ID, INVALID_REQUEST, "The body is no JSON-RPC 2.0 message");
    if (!message.has("method") || !request) return notified(call, message);
    if (message.get("method").asText().equals("initialize")) return initialize(call, id, message);
    return inSession(call, id, message);
  }

  private Reply notified(Call call, JsonNode message) {
    Optional<String> named = call.header(SESSION);
    JsonNode id = message.at("/params/requestId");
    if (message.path("method").asText().equals("notifications/cancelled") && named.isPresent()) {
      try {
        sessions.get(named.get()).cancel(id);
      } catch (Sessions.Unknown | Gone e) {
        // Nothing of it runs any more.
      }
    }
    return Reply.empty(202);
  }

  private static final JsonNode NULL_ID = JsonNodeFactory.instance.nullNode();

  private Reply initialize(Call call, JsonNode id, JsonNode message)
      throws SandboxBusy, Sessions.Full, InterruptedException {
    Session session;
    try {
      session = sessions.open(sessions.defaults(call), Map.of());
    } catch (BadRequest e) {
      return error(422, id, INVALID_PARAMS, e.sentence());
    } catch (Session.NoFile e) {
      throw new IllegalStateException("there were no files", e);
    }
    String asked = message.at("/params/protocolVersion").asText();
    ObjectNode result = JsonNodeFactory.instance.objectNode();
    result.put("protocolVersion", VERSIONS.contains(asked) ? asked : VERSIONS.getFirst());
    result.putObject("capabilities").putObject("tools").put("listChanged", false);
    result.putObject("serverInfo").put("name", "turnstone-sandbox").put("version", "0.1.0");
    String reach = session.network().isEmpty() ? "without network" : "that reaches a few hosts";
    result.put("instructions", "A Linux sandbox " + reach + ". Files live in /workspace.");
    return result(id, result).with(SESSION, session.id());
  }

  private Reply inSession(Call call, JsonNode id, JsonNode message)
      throws SandboxBusy, InterruptedException {
    Optional<String> named = call.header(SESSION);
    if (named.isEmpty())
      return error(400, id, INVALID_REQUEST, "The header Mcp-Session-Id is missing");
    try {
      Session session = sessions.get(named.get());
      String method = message.get("method").asText();
      return switch (method) {
        case "ping" -> result(id, JsonNodeFactory.instance.objectNode());
        case "tools/list" -> {
          ObjectNode result = JsonNodeFactory.instance.objectNode();
          result.set("tools", McpTools.list());
          yield result(id, result);
        }
        case "tools/call" -> callTool(session, id, message.path("params"));
        default -> error(200, id, NO_METHOD, "There is no method " + method);
      };
    } catch (Sessions.Unknown | Gone e) {
      return error(404, id, INVALID_REQUEST, String.valueOf(e.getMessage()));
    }
  }

  private static Reply callTool(Session session, JsonNode id, JsonNode params)
      throws SandboxBusy, Gone, InterruptedException {
    String name = params.path("name").asText();
    if (!McpTools.has(name)) return error(200, id, INVALID_PARAMS, "There is no tool " + name);
    JsonNode arguments = params.path("arguments");
    if (!arguments.isObject()) arguments = JsonNodeFactory.instance.objectNode();
    try {
      Session.name(id);
      return result(id, McpTools.call(session, name, arguments));
    } catch (BadRequest e) {
      return error(200, id, INVALID_PARAMS, e.sentence());
    }
  }

  private static Reply result(JsonNode id, ObjectNode result) {
    ObjectNode message = JsonNodeFactory.instance.objectNode().put("jsonrpc", "2.0");
    message.set("id", id);
    message.set("result", result);
    return Reply.ok(message);
  }

  private static Reply error(int status, JsonNode id, int code, String why) {
    ObjectNode message = JsonNodeFactory.instance.objectNode().put("jsonrpc", "2.0");
    message.set("id", id);
    message.putObject("error").put("code", code).put("message", why);
    return Reply.json(status, message);
  }
}
