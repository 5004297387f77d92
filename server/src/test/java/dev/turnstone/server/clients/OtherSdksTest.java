package dev.turnstone.server.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.server.TestServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// OpenAI's and Anthropic's own clients for Python and Node.js. They are not in CI:
/// `tools/clients/sdks.sh` installs them, and `TURNSTONE_SDKS` says where.
@Timeout(120)
final class OtherSdksTest {
  private static final Path CLIENTS = Path.of("..", "tools", "clients");

  @Test
  void python(@TempDir Path data) throws Exception {
    Path python = installed().resolve("venv/bin/python");
    assumeTrue(Files.isExecutable(python), "there is no " + python);
    drive(data, List.of(python.toString(), CLIENTS.resolve("sdks.py").toString()), List.of());
  }

  @Test
  void node(@TempDir Path data) throws Exception {
    Path modules = installed();
    assumeTrue(Files.isDirectory(modules.resolve("node_modules")), "there is no node_modules");
    drive(
        data, List.of("node", CLIENTS.resolve("sdks.mjs").toString()), List.of(modules.toString()));
  }

  private static Path installed() {
    String folder = System.getenv("TURNSTONE_SDKS");
    assumeTrue(folder != null, "TURNSTONE_SDKS is not set: see tools/clients/sdks.sh");
    return Path.of(String.valueOf(folder));
  }

  private static void drive(Path data, List<String> before, List<String> after) throws Exception {
    try (TestServer server = TestServer.start(data)) {
      String call = "call multiply {\"a\": 6, \"b\": 7}";
      server.policy.says(call).says("It is 42.").says(call);
      for (String said : List.of("b", "one", "two", "three", "four")) server.policy.says(said);
      List<String> command = new ArrayList<>(before);
      command.addAll(List.of(server.url(), "key"));
      command.addAll(after);
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as(said).isZero();
      JsonNode seen = new ObjectMapper().readTree(said);
      assertThat(seen)
          .isEqualTo(
              new ObjectMapper()
                  .readTree(
                      """
                      {"tokens": 10, "chat": "It is 42.", "streamed_call": {"a": 6, "b": 7}, "completion": "b",
                       "response": "one", "streamed_response": "two", "models": ["scripted"],
                       "error": "model_not_found", "message": "three", "streamed_message": "four"}\
                      """));
    }
  }
}
