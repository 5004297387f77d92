package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;

/// `POST /run_jupyter` as SandboxFusion's clients use it.
final class JupyterTest {
  private final RunningSandbox sandbox = RunningSandbox.shared();

  @Test
  void cellsShareTheirVariablesAndShowTheirLastValue() {
    JsonNode response = run(notebook("a = \"hello\"", "a", "print(a)"));

    assertThat(response.get("status").asText()).isEqualTo("Success");
    assertThat(response.at("/driver/status").asText()).isEqualTo("Finished");
    assertThat(response.at("/cells/0/stdout").asText()).isEmpty();
    assertThat(response.at("/cells/1/display/0/text~1plain").asText()).isEqualTo("'hello'");
    assertThat(response.at("/cells/2/stdout").asText()).isEqualTo("hello\n");
    assertThat(response.at("/cells/0").fieldNames())
        .toIterable()
        .containsExactly("stdout", "stderr", "display", "error");
    assertThat(response.fieldNames())
        .toIterable()
        .containsExactly("status", "message", "driver", "cells", "executor_pod_name", "files");
  }

  @Test
  void theNextCellRunsAfterOneThatFailed() {
    JsonNode response =
        run(
            notebook(
                "a = \"hello\"",
                "import sys\nsys.stderr.write(\"This is an error message\\n\")",
                "assert False",
                "print(a)"));

    assertThat(response.at("/cells/1/stderr").asText()).isEqualTo("This is an error message\n");
    assertThat(response.at("/cells/2/error/0/ename").asText()).isEqualTo("AssertionError");
    assertThat(response.at("/cells/3/stdout").asText()).isEqualTo("hello\n");
    assertThat(response.get("status").asText()).isEqualTo("Success");
  }

  @Test
  void aPlotIsAPicture() {
    JsonNode error = run(notebook("import matplotlib")).at("/cells/0/error/0");
    assumeTrue(
        !error.path("ename").asText().equals("ModuleNotFoundError"),
        "matplotlib is not installed for /usr/bin/python3 (Debian: python3-matplotlib)");
    assertThat(error.isMissingNode()).as(error.toString()).isTrue();

    JsonNode response =
        run(
            notebook(
                "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.show()",
                "fig, ax = plt.subplots()\nax.bar(['a', 'b'], [1, 2])\nfig",
                "plt.plot([1, 2])\nplt.savefig('p.png')",
                "open('p.png', 'rb').read(4)"));

    for (int cell = 0; cell < 3; cell++) {
      assertThat(response.at("/cells/" + cell + "/error")).isEmpty();
      List<String> pictures = response.at("/cells/" + cell).findValuesAsText("image/png");
      assertThat(pictures).as(response.toString()).hasSize(1);
      assertThat(Base64.getMimeDecoder().decode(pictures.getFirst()))
          .startsWith(0x89, 'P', 'N', 'G')
          .hasSizeGreaterThan(1000);
    }
    assertThat(response.at("/cells/3/display/0/text~1plain").asText()).contains("PNG");
  }

  @Test
  void filesGoInAndOut() {
    ObjectNode request = notebook("open('b', 'w').write(open('a').read() * 2)");
    request.putObject("files").put("a", RunningSandbox.base64("x"));
    request.putArray("fetch_files").add("b");

    assertThat(RunningSandbox.text(run(request).at("/files/b"))).isEqualTo("xx");
  }

  @Test
  void theTotalTimeIsALimit() {
    JsonNode response =
        run(notebook("print(1)", "while True: pass", "print(2)").put("total_timeout", 0.5));

    assertThat(response.get("status").asText()).isEqualTo("Failed");
    assertThat(response.at("/driver/status").asText()).isEqualTo("TimeLimitExceeded");
    assertThat(response.at("/cells/0/stdout").asText()).isEqualTo("1\n");
    sandbox.assertNothingIsLeft();
  }

  @Test
  void aCellThatEndsTheProcessIsNamed() {
    JsonNode response = run(notebook("print('a')", "import os; os._exit(3)", "print('b')"));

    assertThat(response.get("status").asText()).isEqualTo("Failed");
    assertThat(response.at("/driver/stderr").asText()).contains("a cell ended the Python process");
    assertThat(response.at("/cells/0/stdout").asText()).isEqualTo("a\n");
  }

  @Test
  void aFloodOfOutputIsCut() {
    JsonNode response = run(notebook("print('x' * 30_000_000)", "print('y')"));

    assertThat(response.at("/cells/0/stdout").asText()).contains("bytes left out]");
    assertThat(response.at("/cells/1/stdout").asText()).isEqualTo("y\n");
  }

  @Test
  void badNotebooksAreNamed() {
    assertThat(post("{}").statusCode()).isEqualTo(422);
    assertThat(post("{\"cells\":[7]}").body()).contains("Input should be a valid string");
    assertThat(post("{\"cells\":[],\"kernel\":\"julia\"}").body()).contains("python3");
  }

  private static ObjectNode notebook(String... cells) {
    ObjectNode request = RunningSandbox.JSON.createObjectNode();
    List.of(cells).forEach(request.putArray("cells")::add);
    return request;
  }

  private JsonNode run(ObjectNode request) {
    HttpResponse<String> response = post(request.toString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return RunningSandbox.json(response);
  }

  private HttpResponse<String> post(String body) {
    return RunningSandbox.send(
        HttpRequest.newBuilder(URI.create(sandbox.url() + "/run_jupyter"))
            .POST(HttpRequest.BodyPublishers.ofString(body)));
  }
}
