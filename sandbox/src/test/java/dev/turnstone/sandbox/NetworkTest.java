package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpServer;
import dev.turnstone.sandbox.egress.AllowList;
import dev.turnstone.sandbox.jail.SandboxException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Programs that are let out to some hosts, by a request that asks for it, and to no other.
final class NetworkTest {
  private static final String GET =
      """
      import os, urllib.request, urllib.error
      os.environ['no_proxy'] = os.environ['NO_PROXY'] = ''
      def get(url):
          try: return urllib.request.urlopen(url, timeout=5).read().decode()
          except urllib.error.HTTPError as e: return e.read().decode().strip()
          except urllib.error.URLError as e: return str(e.reason)
      """;

  private final HttpServer peer = peer();
  private final String host = "127.0.0.1:" + peer.getAddress().getPort();
  private final SandboxConfig config =
      RunningSandbox.config(8, Duration.ofSeconds(8))
          .with(AllowList.of(List.of(host, "localhost:" + peer.getAddress().getPort(), "*.test")));
  private final SandboxServer server = start(config);
  private final RunningSandbox sandbox = new RunningSandbox(config, server);

  private static HttpServer peer() {
    try {
      HttpServer server =
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      server.createContext(
          "/",
          exchange -> {
            byte[] body =
                (exchange.getRequestMethod() + " " + exchange.getRequestURI()).getBytes(UTF_8);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
          });
      return server;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static SandboxServer start(SandboxConfig config) {
    try {
      return SandboxServer.start(config);
    } catch (SandboxException e) {
      throw new AssertionError(e.getMessage(), e);
    }
  }

  @BeforeEach
  void listen() {
    peer.start();
  }

  @AfterEach
  void close() throws SandboxException {
    peer.stop(0);
    server.close();
    JailedProcesses.await(() -> JailedProcesses.ofUsers(config).isEmpty());
  }

  @Test
  void aProgramReachesTheHostsOfItsListAndNoOther() {
    String own = URI.create(server.url()).getAuthority();
    String program =
        GET
            + "for u in ('http://%s/a?b', 'http://%s/health', 'http://169.254.169.254/', 'https://example.org/'): print(get(u))"
                .formatted(host, own);

    assertThat(stdout(program, host))
        .isEqualTo(
            """
            GET /a?b
            [sandbox: %s is not on this program's network list]
            [sandbox: 169.254.169.254:80 is not on this program's network list]
            Tunnel connection failed: 403 Forbidden
            """
                .formatted(own));
  }

  @Test
  void aProgramThatAskedForNoneHasNone() {
    assertThat(stdout(GET + "print(get('http://%s/'))".formatted(host)))
        .isEqualTo("[Errno 111] Connection refused\n");
  }

  @Test
  void aNameThatStandsForAPrivateAddressIsRefused() {
    String name = "localhost:" + peer.getAddress().getPort();

    assertThat(stdout(GET + "print(get('http://%s/'))".formatted(name), name))
        .contains("which is no public address; the list would have to name the address");
  }

  @Test
  void aSessionHasItsListForLife() {
    JsonNode session = post("/v1/sessions", "{\"network\":[\"%s\"]}".formatted(host), 201);
    ObjectNode call = RunningSandbox.JSON.createObjectNode();
    call.put(
        "command",
        "NO_PROXY= no_proxy= python3 - <<'P'\n" + GET + "print(get('http://" + host + "/x'))\nP");

    for (int i = 0; i < 2; i++)
      assertThat(
              post("/v1/sessions/" + session.get("id").asText() + "/exec", call.toString(), 200)
                  .get("stdout")
                  .asText())
          .isEqualTo("GET /x\n");
  }

  /// `X-Sandbox-Network` on what opens a session of MCP or SWE-ReX.
  @Test
  void sessionsOfMcpAndSweRexNameTheirHostsInAHeader() {
    String get = "curl -s --noproxy '' http://" + host + "/x";
    ObjectNode command = RunningSandbox.JSON.createObjectNode().put("command", get);
    ObjectNode call = RunningSandbox.JSON.createObjectNode().put("jsonrpc", "2.0").put("id", 1);
    call.put("method", "initialize").putObject("params");

    HttpResponse<String> opened = send("/mcp", call, "X-Sandbox-Network", host + ", *.test");
    assertThat(opened.statusCode()).as(opened.body()).isEqualTo(200);
    String id = opened.headers().firstValue("Mcp-Session-Id").orElseThrow();
    call.put("method", "tools/call").putObject("params").put("name", "bash");
    call.withObject("/params").set("arguments", command);
    assertThat(send("/mcp", call, "Mcp-Session-Id", id).body()).contains("GET /x");

    command.put("shell", true);
    String[] key = {"X-API-Key", "k", "X-Sandbox-Network", host};
    assertThat(send("/execute", command, key).body()).contains("GET /x");
    assertThat(send("/execute", command, "X-API-Key", "k").body()).contains("GET /x");
    key[3] = "a.test";
    assertThat(send("/execute", command, key).statusCode()).isEqualTo(422);
    assertThat(send("/close", command, key).statusCode()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"evil.example", "*", "a b", "x.test,evil.example", "x.test,"})
  void headersBeyondTheOperatorsHostsAreRefused(String header) {
    ObjectNode call = RunningSandbox.JSON.createObjectNode().put("jsonrpc", "2.0").put("id", 1);
    call.put("method", "initialize").put("command", "true");

    for (String path : List.of("/mcp", "/execute")) {
      HttpResponse<String> response =
          send(path, call, "X-API-Key", "k", "X-Sandbox-Network", header);

      assertThat(response.statusCode()).as(response.body()).isEqualTo(422);
      assertThat(response.body()).contains("network");
    }
  }

  @Test
  void programsNeitherSeeNorReachTheProxyOtherwise() {
    String program =
        """
        import os, socket
        print(sorted(os.listdir('/agent')), sorted(n for n in os.listdir('/proc') if n.isdigit()))
        s = socket.create_connection(('127.0.0.1', 3128))
        s.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n')
        print(s.recv(99).split(b'\\r\\n')[0])
        """;

    assertThat(stdout(program, host)).isEqualTo("[] ['1', '2']\nb'HTTP/1.1 400 Bad Request'\n");
  }

  @Test
  void hostsBeyondTheOperatorsAreRefused() {
    for (String beyond : List.of("evil.example", "*", "127.0.0.1:1", "test", "a b")) {
      ObjectNode request = RunningSandbox.request("python", "print(1)");
      request.putArray("network").add(beyond);

      HttpResponse<String> response = sandbox.post(request.toString());

      assertThat(response.statusCode()).as(beyond).isEqualTo(422);
      assertThat(response.body()).contains("\"network\"");
    }
  }

  @Test
  void onlyBubblewrapHasNetworkLists() {
    assertThatThrownBy(() -> config.with(Isolation.NONE))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("network lists need --isolation bubblewrap");
  }

  private String stdout(String code, String... network) {
    ObjectNode request = RunningSandbox.request("python", code);
    for (String entry : network) request.withArray("network").add(entry);
    JsonNode response = sandbox.run(request);
    assertThat(response.get("status").asText()).as(response.toString()).isEqualTo("Success");
    return response.at("/run_result/stdout").asText();
  }

  private HttpResponse<String> send(String path, ObjectNode body, String... headers) {
    return RunningSandbox.send(
        HttpRequest.newBuilder(URI.create(server.url() + path))
            .headers(headers)
            .POST(BodyPublishers.ofString(body.toString())));
  }

  private JsonNode post(String path, String body, int status) {
    HttpResponse<String> response =
        RunningSandbox.send(
            HttpRequest.newBuilder(URI.create(server.url() + path))
                .POST(BodyPublishers.ofString(body)));
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    return RunningSandbox.json(response);
  }
}
