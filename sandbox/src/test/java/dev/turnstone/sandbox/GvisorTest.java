package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.sandbox.jail.HostTools;
import dev.turnstone.sandbox.jail.SandboxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The stricter tier, where `runsc` is installed.
final class GvisorTest {
  @Test
  void programsMeetAKernelOfTheirOwn() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/runsc")), "runsc is not installed");
    SandboxConfig config = RunningSandbox.config(8, Duration.ofSeconds(30)).with(Isolation.GVISOR);
    try (SandboxServer server = SandboxServer.start(config)) {
      RunningSandbox sandbox = new RunningSandbox(config, server);

      assertThat(server.isolation()).startsWith("gVisor");
      assertThat(stdout(sandbox.python("print(open('/proc/version').read())")))
          .doesNotContain(System.getProperty("os.version"));
      assertThat(
              stdout(
                  sandbox.run(
                      RunningSandbox.request(
                          "bash",
                          "id -u; echo a > a; cat a; kill -9 1 2>&1 | head -c 0; echo on"))))
          .isEqualTo("65534\na\non\n");
      JsonNode killing = sandbox.python("import os\nos.kill(1, 9)");
      assertThat(killing.at("/run_result/stderr").asText()).contains("PermissionError");
      JsonNode bomb =
          sandbox.run(
              RunningSandbox.request(
                      "python", "import os\nx=[]\nwhile True: x.append(os.urandom(1 << 20))")
                  .put("memory_limit_MB", 100));
      assertThat(bomb.get("status").asText()).isEqualTo("Failed");
      JsonNode loop =
          sandbox.run(RunningSandbox.request("python", "while True: pass").put("run_timeout", 0.5));
      assertThat(loop.at("/run_result/status").asText()).isEqualTo("TimeLimitExceeded");
      JsonNode daemon =
          sandbox.python(
              "import os, time\nif os.fork() == 0:\n  os.setsid(); time.sleep(99)\nprint('left')");
      assertThat(stdout(daemon)).isEqualTo("left\n");
    }
    JailedProcesses.await(() -> JailedProcesses.ofUsers(config).isEmpty());
  }

  @Test
  void whatIsMissingIsSaid(@TempDir Path empty) {
    assertThatThrownBy(() -> HostTools.find("runsc", "runsc", List.of(empty)))
        .isInstanceOf(SandboxException.class)
        .hasMessage("the sandbox needs runsc, which is not installed: run apt-get install runsc");
  }

  private static String stdout(JsonNode response) {
    assertThat(response.at("/run_result/return_code").asInt(-1)).as(response.toString()).isZero();
    return response.at("/run_result/stdout").asText();
  }
}
