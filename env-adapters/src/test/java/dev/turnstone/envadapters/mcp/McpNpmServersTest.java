package dev.turnstone.envadapters.mcp;

import static dev.turnstone.envadapters.mcp.StdioServers.call;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Observation.Result;
import dev.turnstone.rollout.ToolSpec;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The reference servers of the MCP project, from npm.
@Timeout(120)
final class McpNpmServersTest {
  private static final Path FOLDER =
      Path.of(System.getProperty("java.io.tmpdir"), "turnstone-mcp-servers-2026.8.31");

  @BeforeAll
  static void install() throws Exception {
    assumeTrue(System.getProperty("os.name").equals("Linux"), "jails need Linux");
    assumeTrue(
        Files.isExecutable(Path.of("/usr/bin/npm"))
            || Files.isExecutable(Path.of("/usr/local/bin/npm")),
        "npm is missing, so the MCP reference servers cannot be installed");
    Path script = Path.of("..", "tools", "mcp-servers.sh").toAbsolutePath().normalize();
    Process npm =
        new ProcessBuilder("sh", script.toString(), FOLDER.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assumeTrue(
        npm.waitFor(90, TimeUnit.SECONDS) && npm.exitValue() == 0,
        "npm could not install the MCP reference servers, for want of a network perhaps");
  }

  @Test
  void theFilesystemServerWorksInItsWorkspaceAndNowhereElse() throws Exception {
    try (StdioServers servers = new StdioServers(Map.of());
        Environment.Session session = servers.open(command("server-filesystem", ",'/workspace'"))) {
      assertThat(call(session, "write_file", "{'path':'/workspace/a.txt','content':'hello'}"))
          .isInstanceOf(Result.Ok.class);
      assertThat(call(session, "read_text_file", "{'path':'/workspace/a.txt'}").text())
          .isEqualTo("hello");
      assertThat(call(session, "read_text_file", "{'path':'/etc/passwd'}"))
          .isInstanceOf(Result.Failed.class)
          .extracting(Result::text)
          .asString()
          .contains("Access denied");
    }
  }

  @Test
  void theMemoryServerRemembersWithinARolloutOnly() throws Exception {
    try (StdioServers servers = new StdioServers(Map.of())) {
      String fields =
          "'env':{'MEMORY_FILE_PATH':'/workspace/m.json'}," + command("server-memory", "");
      try (Environment.Session session = servers.open(fields)) {
        call(
            session,
            "create_entities",
            "{'entities':[{'name':'ada','entityType':'person','observations':['counts']}]}");
        assertThat(call(session, "read_graph", "{}").text()).contains("ada");
      }
      try (Environment.Session session = servers.open(fields)) {
        assertThat(call(session, "read_graph", "{}").text()).doesNotContain("ada");
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"streamableHttp, /mcp, http", "sse, /sse, sse"})
  void theServerOfEverythingIsReadOverHttp(String mode, String path, String transport)
      throws Exception {
    int port = freePort();
    ProcessBuilder builder =
        new ProcessBuilder("node", module("server-everything").toString(), mode);
    builder.environment().put("PORT", "" + port);
    builder.redirectErrorStream(true);
    Process node = builder.start();
    try (StdioServers servers = new StdioServers(Map.of())) {
      awaitListening(node);
      try (Environment.Session session =
          servers.open(
              "'url':'http://127.0.0.1:%d%s','transport':'%s'".formatted(port, path, transport))) {
        everything(session);
      }
    } finally {
      node.destroyForcibly();
    }
  }

  @Test
  void theServerOfEverythingIsReadFromACommand() throws Exception {
    try (StdioServers servers = new StdioServers(Map.of());
        Environment.Session session = servers.open(command("server-everything", ",'stdio'"))) {
      everything(session);
    }
  }

  private static void everything(Environment.Session session) throws Exception {
    assertThat(session.tools()).extracting(ToolSpec::name).contains("echo", "get-sum");
    assertThat(call(session, "echo", "{'message':'héllo'}").text()).isEqualTo("Echo: héllo");
    assertThat(call(session, "echo", "{'message':7}"))
        .isInstanceOf(Result.Failed.class)
        .extracting(Result::text)
        .asString()
        .startsWith("Error: invalid arguments: ");
    assertThat(call(session, "get-tiny-image", "{}").text()).contains("[image, image/png, ");
    assertThat(call(session, "get-structured-content", "{'location':'New York'}").text())
        .contains("temperature");
    assertThat(call(session, "trigger-long-running-operation", "{'duration':1,'steps':2}").text())
        .contains("completed");
  }

  private static String command(String server, String arguments) {
    return "'command':['node','%s'%s],'read_only':['%s']"
        .formatted(module(server), arguments, FOLDER);
  }

  private static Path module(String server) {
    return FOLDER.resolve("node_modules/@modelcontextprotocol/" + server + "/dist/index.js");
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static void awaitListening(Process node) throws IOException {
    BufferedReader out =
        new BufferedReader(new InputStreamReader(node.getInputStream(), StandardCharsets.UTF_8));
    for (String line = out.readLine(); line != null; line = out.readLine())
      if (line.contains("listening") || line.contains("running")) return;
    throw new IOException("the server ended before it listened");
  }
}
