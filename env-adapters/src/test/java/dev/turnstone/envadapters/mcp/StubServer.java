package dev.turnstone.envadapters.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/// A small MCP server over streamable HTTP that does what a test says to tool calls, and remembers
/// every message it got.
final class StubServer implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  final List<JsonNode> messages = new CopyOnWriteArrayList<>();
  final List<String> requests = new CopyOnWriteArrayList<>();
  final Map<String, Answer> paths = new ConcurrentHashMap<>();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final AtomicInteger sessions = new AtomicInteger();
  private final HttpServer http;
  private volatile JsonNode schema = JSON.createObjectNode().put("type", "object");
  private volatile Answer calls = (message, exchange) -> text(exchange, message, "fine");

  StubServer() throws IOException {
    http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
    http.setExecutor(threads);
    http.createContext("/", this::handle);
    http.start();
  }

  /// What becomes of a message.
  @FunctionalInterface
  interface Answer {
    void to(JsonNode message, HttpExchange exchange) throws IOException, InterruptedException;
  }

  String url() {
    return "http://127.0.0.1:%d/mcp".formatted(http.getAddress().getPort());
  }

  /// What it says of its tool's arguments.
  void schema(String text) throws IOException {
    schema = JSON.readTree(text);
  }

  void onCall(Answer answer) {
    calls = answer;
  }

  List<String> methods() {
    return messages.stream().map(message -> message.path("method").asText()).toList();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      String session = exchange.getRequestHeaders().getFirst("Mcp-Session-Id");
      String after = exchange.getRequestHeaders().getFirst("Last-Event-ID");
      requests.add(
          exchange.getRequestMethod() + " " + session + (after == null ? "" : " after " + after));
      JsonNode message = body.length == 0 ? JSON.createObjectNode() : JSON.readTree(body);
      if (!message.isEmpty()) messages.add(message);
      Answer special = paths.get(exchange.getRequestMethod());
      if (special != null) {
        special.to(message, exchange);
        return;
      }
      if (exchange.getRequestMethod().equals("GET")) {
        send(exchange, 405, "", "");
        return;
      }
      switch (message.path("method").asText()) {
        case "initialize" -> {
          exchange.getResponseHeaders().set("Mcp-Session-Id", "s-" + sessions.incrementAndGet());
          ObjectNode result = JSON.createObjectNode().put("protocolVersion", "2025-06-18");
          result.putObject("capabilities").putObject("tools");
          result.putObject("serverInfo").put("name", "stub").put("version", "1");
          json(exchange, message, result);
        }
        case "tools/list" -> {
          ObjectNode result = JSON.createObjectNode();
          ObjectNode tool = result.putArray("tools").addObject().put("name", "do.it");
          tool.put("description", "Does it.").set("inputSchema", schema);
          json(exchange, message, result);
        }
        case "tools/call" -> calls.to(message, exchange);
        default -> send(exchange, 202, "", "");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  static void text(HttpExchange exchange, JsonNode message, String text) throws IOException {
    json(exchange, message, result(text));
  }

  static ObjectNode result(String text) {
    ObjectNode result = JSON.createObjectNode();
    result.putArray("content").addObject().put("type", "text").put("text", text);
    return result;
  }

  static String response(JsonNode message, JsonNode result) {
    ObjectNode response = JSON.createObjectNode().put("jsonrpc", "2.0");
    response.set("id", message.path("id"));
    response.set("result", result);
    return response.toString();
  }

  static void json(HttpExchange exchange, JsonNode message, JsonNode result) throws IOException {
    send(exchange, 200, "application/json", response(message, result));
  }

  static void send(HttpExchange exchange, int status, String type, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    if (!type.isEmpty()) exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  @Override
  public void close() {
    http.stop(0);
    threads.shutdownNow();
  }
}
