package dev.turnstone.sandbox;

import static dev.turnstone.sandbox.RunningSandbox.base64;
import static dev.turnstone.sandbox.RunningSandbox.request;
import static dev.turnstone.sandbox.RunningSandbox.text;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.junit.jupiter.api.Test;

/// SandboxFusion's own tests of its python and bash runners, and what its clients rely on.
final class RunCodeTest {
  private final RunningSandbox sandbox = RunningSandbox.shared();

  @Test
  void pythonPrints() {
    JsonNode response = sandbox.python("print(123)");

    assertThat(response.at("/status").asText()).as(response.toString()).isEqualTo("Success");
    assertThat(response.at("/run_result/stdout").asText()).isEqualTo("123\n");
  }

  @Test
  void aResponseHasExactlySandboxFusionsFields() {
    JsonNode response = sandbox.python("print(1)");

    assertThat(response.fieldNames())
        .toIterable()
        .containsExactly(
            "status", "message", "compile_result", "run_result", "executor_pod_name", "files");
    assertThat(response.at("/run_result").fieldNames())
        .toIterable()
        .containsExactly("status", "execution_time", "return_code", "stdout", "stderr");
    assertThat(response.get("compile_result").isNull()).isTrue();
    assertThat(response.at("/run_result/execution_time").asDouble()).isBetween(0.0001, 5.0);
  }

  @Test
  void pythonStopsAtItsTimeout() {
    JsonNode response =
        sandbox.run(request("python", "import time; time.sleep(0.2)").put("run_timeout", 0.1));

    assertThat(response.at("/status").asText()).isEqualTo("Failed");
    assertThat(response.at("/run_result/status").asText()).isEqualTo("TimeLimitExceeded");
    assertThat(response.at("/run_result/return_code").isNull()).isTrue();
    assertThat(response.at("/run_result/execution_time").asDouble()).isBetween(0.1, 0.2);
  }

  @Test
  void outputBeforeATimeoutIsKept() {
    JsonNode response =
        sandbox.run(
            request("python", "print('early', flush=True)\nwhile True: pass")
                .put("run_timeout", 0.3));

    assertThat(response.at("/run_result/status").asText()).isEqualTo("TimeLimitExceeded");
    assertThat(response.at("/run_result/stdout").asText()).isEqualTo("early\n");
  }

  @Test
  void aPythonErrorIsReportedWithoutOurFrames() {
    JsonNode response = sandbox.python("def f():\n  assert 1 == 2\nf()");

    assertThat(response.at("/status").asText()).isEqualTo("Failed");
    assertThat(response.at("/run_result/status").asText()).isEqualTo("Finished");
    assertThat(response.at("/run_result/return_code").asInt()).isEqualTo(1);
    assertThat(response.at("/run_result/stderr").asText())
        .startsWith("Traceback (most recent call last):\n  File \"/tmp/main.py\", line 3, in")
        .contains("    assert 1 == 2")
        .contains("AssertionError")
        .doesNotContain("worker.py");
  }

  @Test
  void aPythonSyntaxErrorIsReported() {
    JsonNode response = sandbox.python("int a = 1");

    assertThat(response.at("/status").asText()).isEqualTo("Failed");
    assertThat(response.at("/run_result/stderr").asText())
        .contains("SyntaxError: invalid syntax")
        .doesNotContain("worker.py");
  }

  @Test
  void filesLieInTheWorkspace() {
    ObjectNode python = request("python", "print(open('dir1/dir2/dir3/flag').read())");
    python.putObject("files").put("dir1/dir2/dir3/flag", base64("hello")).putNull("other");
    ObjectNode bash = request("bash", "cat dir1/dir2/dir3/flag");
    bash.putObject("files").put("dir1/dir2/dir3/flag", base64("hello"));

    assertThat(sandbox.run(python).at("/run_result/stdout").asText()).isEqualTo("hello\n");
    assertThat(sandbox.run(bash).at("/run_result/stdout").asText()).isEqualTo("hello");
  }

  @Test
  void uploadedModulesCanBeImported() {
    ObjectNode request = request("python", "import helper; print(helper.x)");
    request.putObject("files").put("helper.py", base64("x = 7"));

    assertThat(sandbox.run(request).at("/run_result/stdout").asText()).isEqualTo("7\n");
  }

  @Test
  void stdinIsRead() {
    ObjectNode python = request("python", "print(int(input()))").put("stdin", "65535");
    ObjectNode bash = request("bash", "\n  read input\n  echo $input\n").put("stdin", "65535");

    assertThat(sandbox.run(python).at("/run_result/stdout").asText()).isEqualTo("65535\n");
    assertThat(sandbox.run(bash).at("/run_result/stdout").asText()).isEqualTo("65535\n");
  }

  @Test
  void filesAreFetchedByTheNamesThatWereAskedFor() {
    ObjectNode request =
        request("python", "open('a.txt', 'w').write('secret'); open('/mnt/b', 'w').write('sauce')");
    request.putArray("fetch_files").add("a.txt").add("/mnt/b").add("missing");

    JsonNode files = sandbox.run(request).get("files");

    assertThat(text(files.get("a.txt"))).isEqualTo("secret");
    assertThat(text(files.get("/mnt/b"))).isEqualTo("sauce");
    assertThat(files).hasSize(2);
  }

  @Test
  void bashEchoes() {
    JsonNode response = sandbox.run(request("bash", "echo \"Hello World\" | tr a-z A-Z"));

    assertThat(response.at("/status").asText()).isEqualTo("Success");
    assertThat(response.at("/run_result/stdout").asText()).isEqualTo("HELLO WORLD\n");
  }

  @Test
  void bashStopsAtItsTimeout() {
    JsonNode response = sandbox.run(request("bash", "sleep 0.2").put("run_timeout", 0.1));

    assertThat(response.at("/status").asText()).isEqualTo("Failed");
    assertThat(response.at("/run_result/status").asText()).isEqualTo("TimeLimitExceeded");
  }

  @Test
  void bashExitCodesFail() {
    JsonNode response = sandbox.run(request("bash", "test 1 -eq 2"));

    assertThat(response.at("/status").asText()).isEqualTo("Failed");
    assertThat(response.at("/run_result/return_code").asInt()).isEqualTo(1);
  }

  @Test
  void aBashSyntaxErrorIsReported() {
    JsonNode response = sandbox.run(request("bash", "if ["));

    assertThat(response.at("/status").asText()).isEqualTo("Failed");
    assertThat(response.at("/run_result/stderr").asText()).contains("syntax error");
  }
}
