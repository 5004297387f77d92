package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The sandbox as an MCP server: one session of each per client.
final class McpTest {
  private final RunningSandbox sandbox = RunningSandbox.shared();
  private final String session = initialize();

  @AfterEach
  void close() {
    send(mcp().header("Mcp-Session-Id", session).DELETE());
    sandbox.assertNothingIsLeft();
  }

  @Test
  void itsToolsAreListedWithTheirSchemas() {
    JsonNode tools = result("tools/list", "{}").get("tools");

    assertThat(tools.findValuesAsText("name"))
        .containsExactly("bash", "python", "read_file", "write_file", "list_files");
    assertThat(tools.at("/0/inputSchema/required/0").asText()).isEqualTo("command");
  }

  @Test
  void theShellThePythonProcessAndTheFilesAreOneSandbox() {
    assertThat(tool("bash", "{'command':'cd /tmp; X=7; mkdir -p /workspace/d'}"))
        .isEqualTo("(no output)");
    assertThat(tool("bash", "{'command':'pwd; echo $X'}")).isEqualTo("/tmp\n7\n");
    assertThat(tool("python", "{'code':'a = 6\\nprint(a)\\na * 7'}")).isEqualTo("6\n42\n");
    assertThat(tool("write_file", "{'path':'d/a.txt','content':'hällo'}"))
        .isEqualTo("Wrote d/a.txt");
    assertThat(tool("read_file", "{'path':'d/a.txt'}")).isEqualTo("hällo");
    assertThat(tool("list_files", "{}")).isEqualTo("d/\n");
    assertThat(tool("list_files", "{'path':'d'}")).isEqualTo("a.txt\t6\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "bash | {'command':'echo out; exit 3'} | [exit code 3]",
        "bash | {'command':'sleep 50','timeout_s':0.2} | [stopped after 0.2 s]",
        "python | {'code':'1/0'} | ZeroDivisionError: division by zero",
        "python | {'code':'import os; os._exit(1)'} | its variables are gone",
        "read_file | {'path':'nothing'} | Error: /workspace/nothing: No such file or directory"
      })
  void whatFailsIsAnErrorThatTheModelReads(String tool, String arguments, String text) {
    JsonNode result = result("tools/call", call(tool, arguments));

    assertThat(result.get("isError").asBoolean()).isTrue();
    assertThat(result.at("/content/0/text").asText()).contains(text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'jsonrpc':'2.0','id':1,'method':'nothing'} | 200 | -32601",
        "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'nothing'}} | 200 | -32602",
        "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'bash','arguments':{'command':7}}} | 200 | -32602",
        "{ | 400 | -32700",
        "[] | 400 | -32600"
      })
  void badMessagesAreNamed(String body, int status, int code) {
    HttpResponse<String> response = post(body.replace('\'', '"'), session);

    assertThat(response.statusCode()).isEqualTo(status);
    assertThat(RunningSandbox.json(response).at("/error/code").asInt()).isEqualTo(code);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "bash | {'command':'sleep 60; echo never','timeout_s':60}",
        "python | {'code':'import time; time.sleep(60)','timeout_s':60}"
      })
  void aCancelledCallEndsAndTheSessionGoesOn(String tool, String arguments) throws Exception {
    tool("bash", "{'command':'X=7'}");
    long started = System.nanoTime();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<JsonNode> call = threads.submit(() -> result("tools/call", call(tool, arguments)));
      // The shell that is there already, and what the call starts.
      JailedProcesses.await(() -> JailedProcesses.ofPrograms(sandbox.config()).size() > 1);
      String cancel =
          "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"%s\"}}";
      assertThat(post(cancel.formatted("another"), session).statusCode()).isEqualTo(202);
      for (int i = 0; i < 600 && !call.isDone(); i++) {
        post(cancel.formatted("x"), session);
        LockSupport.parkNanos(10_000_000);
      }
      assertThat(call.get(20, TimeUnit.SECONDS).get("isError").asBoolean()).isTrue();
    }

    assertThat(System.nanoTime() - started).isLessThan(TimeUnit.SECONDS.toNanos(30));
    assertThat(tool("bash", "{'command':'echo $X'}")).isEqualTo("7\n");
  }

  @Test
  void aCallThatIsCancelledWhileItWaitsNeverRuns() throws Exception {
    String cancel =
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"%s\"}}";
    tool("bash", "{'command':'true'}");
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<JsonNode> runs =
          threads.submit(() -> result("tools/call", call("bash", "{'command':'sleep 99'}")));
      JailedProcesses.await(() -> JailedProcesses.ofPrograms(sandbox.config()).size() > 1);
      String second = request("tools/call", call("bash", "{'command':'touch ran'}"));
      Future<HttpResponse<String>> waits =
          threads.submit(() -> post(second.replace("\"id\":\"x\"", "\"id\":\"y\""), session));
      while (!waits.isDone()) post(cancel.formatted("y"), session);
      post(cancel.formatted("x"), session);

      assertThat(waits.get().statusCode()).as(waits.get().body()).isEqualTo(504);
      assertThat(waits.get().body()).contains("cancelled before its turn");
      assertThat(runs.get(20, TimeUnit.SECONDS).get("isError").asBoolean()).isTrue();
    }
    assertThat(tool("list_files", "{}")).isEqualTo("(empty)");
  }

  @Test
  void notificationsAreTaken() {
    HttpResponse<String> response =
        post("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", session);

    assertThat(response.statusCode()).isEqualTo(202);
    assertThat(response.body()).isEmpty();
  }

  @Test
  void aClosedSessionIs404AndGetIs405() {
    assertThat(send(mcp().header("Mcp-Session-Id", session).DELETE()).statusCode()).isEqualTo(200);

    assertThat(post(request("ping", "{}"), session).statusCode()).isEqualTo(404);
    assertThat(post(request("ping", "{}"), "nothing").statusCode()).isEqualTo(404);
    assertThat(send(mcp().GET()).statusCode()).isEqualTo(405);
  }

  private String initialize() {
    String params =
        "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
            + "\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}";
    HttpResponse<String> response =
        send(mcp().POST(BodyPublishers.ofString(request("initialize", params))));
    assertThat(RunningSandbox.json(response).at("/result/protocolVersion").asText())
        .isEqualTo("2025-06-18");
    return response.headers().firstValue("mcp-session-id").orElseThrow();
  }

  private String tool(String name, String arguments) {
    JsonNode result = result("tools/call", call(name, arguments));
    assertThat(result.get("isError").asBoolean()).as(result.toString()).isFalse();
    return result.at("/content/0/text").asText();
  }

  private static String call(String name, String arguments) {
    return "{\"name\":\"%s\",\"arguments\":%s}".formatted(name, arguments.replace('\'', '"'));
  }

  private JsonNode result(String method, String params) {
    HttpResponse<String> response = post(request(method, params), session);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return RunningSandbox.json(response).get("result");
  }

  private static String request(String method, String params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"%s\",\"params\":%s}"
        .formatted(method, params);
  }

  private HttpResponse<String> post(String body, String id) {
    return send(mcp().header("Mcp-Session-Id", id).POST(BodyPublishers.ofString(body)));
  }

  private HttpRequest.Builder mcp() {
    return HttpRequest.newBuilder(URI.create(sandbox.url() + "/mcp"))
        .header("Accept", "application/json, text/event-stream")
        .header("Content-Type", "application/json");
  }

  private static HttpResponse<String> send(HttpRequest.Builder request) {
    return RunningSandbox.send(request);
  }
}
