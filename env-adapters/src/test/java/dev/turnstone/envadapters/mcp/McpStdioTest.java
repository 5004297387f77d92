package dev.turnstone.envadapters.mcp;

import static dev.turnstone.envadapters.mcp.StdioServers.call;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Observation.Result;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// A server on stdin and stdout that prints rubbish, hangs, floods, dies and leaves children.
@Timeout(60)
final class McpStdioTest {
  private Optional<StdioServers> servers = Optional.empty();
  private Path folder = Path.of("");

  @BeforeEach
  void start() throws IOException {
    assumeTrue(System.getProperty("os.name").equals("Linux"), "jails need Linux");
    servers = Optional.of(new StdioServers(Map.of("MY_TOKEN", "s3cret-token-value")));
    folder =
        Files.createTempDirectory(
            "turnstone-stdio",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
    try (InputStream source = McpStdioTest.class.getResourceAsStream("server.py")) {
      Files.write(folder.resolve("server.py"), source.readAllBytes());
    }
    Files.setPosixFilePermissions(
        folder.resolve("server.py"), PosixFilePermissions.fromString("rw-r--r--"));
  }

  @AfterEach
  void close() throws IOException {
    servers.ifPresent(StdioServers::close);
    Files.deleteIfExists(folder.resolve("server.py"));
    Files.deleteIfExists(folder);
  }

  @Test
  void strayOutputIsPassedOverAndTheEnvironmentIsClean() throws Exception {
    try (Environment.Session session = open("'env':{'TOKEN':{'env':'MY_TOKEN'}},")) {
      assertThat(call(session, "env", "{}"))
          .isInstanceOf(Result.Ok.class)
          .returns("[\"HOME\", \"LC_ALL\", \"PATH\", \"PWD\", \"TOKEN\"]", Result::text);
    }
  }

  @Test
  void allThatAServerStartedDiesWithItsSession() throws Exception {
    String seconds = "98765." + System.nanoTime();
    List<ProcessHandle> started;
    try (Environment.Session session = open("")) {
      assertThat(call(session, "spawn", "{'seconds':'%s'}".formatted(seconds)).text())
          .isEqualTo("spawned");
      started = running(seconds);
      // A list of all processes of a busy machine may miss one that is just starting.
      for (int i = 0; started.isEmpty() && i < 100; i++) started = running(seconds);
      assertThat(started).isNotEmpty();
    }
    for (ProcessHandle process : started) process.onExit().get(20, TimeUnit.SECONDS);
    assertThat(running(seconds)).isEmpty();
  }

  @Test
  void aCallThatTakesTooLongIsCancelledAndTheSessionGoesOn() throws Exception {
    try (Environment.Session session = open("'timeout_s':0.5,'on_timeout':'tool_error',")) {
      assertThat(call(session, "hang", "{}").text()).isEqualTo("Error: timed out after 0.5 s");
      assertThat(call(session, "cancelled", "{}").text()).isEqualTo("1");
    }
  }

  @Test
  void aServerThatDiesSaysItsLastWords() throws Exception {
    try (Environment.Session session = open("")) {
      assertThatThrownBy(() -> call(session, "exit", "{}"))
          .isInstanceOf(EnvironmentLost.class)
          .hasMessageStartingWith("the command of m ended")
          .hasMessageNotContaining("\n");
    }
  }

  @Test
  void aFloodEndsTheServerAndNotUs() throws Exception {
    try (Environment.Session session = open("")) {
      assertThatThrownBy(() -> call(session, "flood", "{}"))
          .isInstanceOf(EnvironmentLost.class)
          .hasMessageContaining("printed more than it may");
    }
  }

  @Test
  void bytesThatAreNoTextAreReplaced() throws Exception {
    try (Environment.Session session = open("")) {
      assertThat(call(session, "raw", "{}").text()).isEqualTo("a\ufffdb");
    }
  }

  @Test
  void aCommandThatIsNotThereIsOneSentence() {
    assertThatThrownBy(
            () -> servers.orElseThrow().open("'command':['/usr/bin/no-such-server'],'timeout_s':1"))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageStartingWith("the command of m ended")
        .hasMessageContaining("no-such-server")
        .hasMessageNotContaining("\n");
  }

  private Environment.Session open(String fields) throws Exception {
    return servers
        .orElseThrow()
        .open(
            fields
                + "'command':['python3','%s/server.py'],'read_only':['%s']"
                    .formatted(folder, folder));
  }

  private static List<ProcessHandle> running(String argument) {
    return ProcessHandle.allProcesses()
        .filter(process -> commandLine(Path.of("/proc/" + process.pid())).contains(argument))
        .toList();
  }

  private static String commandLine(Path process) {
    try {
      Path line = process.resolve("cmdline");
      if (!Files.isReadable(line)) return "";
      return new String(Files.readAllBytes(line), StandardCharsets.UTF_8);
    } catch (IOException | UncheckedIOException e) {
      return "";
    }
  }
}
