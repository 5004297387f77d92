package dev.turnstone.sandbox;

import static dev.turnstone.sandbox.RunningSandbox.request;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/// What still holds where a container stands for jails.
final class ContainerTest {
  @Test
  void programsHaveAUserAFolderAndLimitsOfTheirOwn() throws Exception {
    Assumptions.assumeTrue(System.getProperty("user.name").equals("root"), "needs root");
    SandboxConfig config = RunningSandbox.config(8, Duration.ofSeconds(8)).with(Isolation.NONE);
    try (SandboxServer server = SandboxServer.start(config)) {
      RunningSandbox sandbox = new RunningSandbox(config, server);

      ObjectNode files = request("bash", "id -u; cat a; echo b > b; pwd; ls /root");
      files.putObject("files").put("a", RunningSandbox.base64("A\n"));
      files.putArray("fetch_files").add("b").add("/etc/passwd");
      JsonNode first = sandbox.run(files);
      JsonNode daemon =
          sandbox.python(
              "import os, time\nopen('/var/tmp/turnstone-left', 'w')\nif os.fork() == 0:\n"
                  + "  os.setsid(); time.sleep(99)\nprint('left')");

      assertThat(server.isolation()).startsWith("none");
      assertThat(first.at("/run_result/stdout").asText()).contains("A\n").contains("/workspace\n");
      assertThat(
              Integer.parseInt(
                  first.at("/run_result/stdout").asText().lines().findFirst().orElseThrow()))
          .isGreaterThanOrEqualTo(config.firstUid());
      assertThat(first.at("/run_result/stderr").asText()).contains("Permission denied");
      assertThat(RunningSandbox.text(first.at("/files/b"))).isEqualTo("b\n");
      assertThat(first.get("files")).hasSize(1);
      assertThat(daemon.at("/run_result/stdout").asText()).isEqualTo("left\n");
      JsonNode tracing =
          sandbox.python("import ctypes\nprint(ctypes.CDLL(None).ptrace(16, 1, 0, 0))");
      assertThat(tracing.at("/run_result/stdout").asText()).isEqualTo("-1\n");
    }
    JailedProcesses.await(() -> JailedProcesses.ofUsers(config).isEmpty());
    JailedProcesses.await(() -> !Files.exists(Path.of("/var/tmp/turnstone-left")));
  }

  /// As in a container whose engine forbids namespaces, which another bubblewrap stands for here.
  @Test
  void withoutNamespacesTheServiceSaysWhatIsMissingAndDoesNotServe() throws Exception {
    Process service =
        new ProcessBuilder(
                "bwrap",
                "--dev-bind",
                "/",
                "/",
                "--unshare-user",
                "--disable-userns",
                ProcessHandle.current().info().command().orElseThrow(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                SandboxProcess.class.getName(),
                "70000")
            .redirectErrorStream(true)
            .start();

    String said = new String(service.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(service.waitFor()).isNotZero();
    assertThat(said)
        .contains("the sandbox cannot start a jail: ")
        .contains("unprivileged user namespaces")
        .contains("--security-opt seccomp=unconfined")
        .contains("--isolation none serves without jails");
  }
}
