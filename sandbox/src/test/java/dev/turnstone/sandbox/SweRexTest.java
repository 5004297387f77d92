package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// SWE-ReX's remote runtime as its client speaks to it.
final class SweRexTest {
  private final RunningSandbox sandbox = RunningSandbox.shared();

  @AfterEach
  void close() {
    post("/close", "{}");
    sandbox.assertNothingIsLeft();
  }

  @Test
  void aShellKeepsItsState() {
    assertThat(ok("/create_session", "{'session':'default','session_type':'bash'}").toString())
        .isEqualTo("{\"output\":\"\",\"session_type\":\"bash\"}");
    run("cd /tmp; export A=7", "silent");

    JsonNode second = run("pwd; echo $A; false", "silent");

    assertThat(second.toString())
        .isEqualTo(
            "{\"output\":\"/tmp\\n7\\n\",\"exit_code\":1,\"failure_reason\":\"\",\"expect_string\":\"\","
                + "\"session_type\":\"bash\"}");
    assertThat(ok("/close_session", "{'session':'default'}").get("session_type").asText())
        .isEqualTo("bash");
  }

  @Test
  void errorsAreTheExceptionsOfItsClient() {
    assertThat(raised("/run_in_session", "{'command':'ls','session':'none'}"))
        .isEqualTo("swerex.exceptions.SessionDoesNotExistError");
    ok("/create_session", "{}");
    assertThat(raised("/create_session", "{}")).isEqualTo("swerex.exceptions.SessionExistsError");
    assertThat(raised("/run_in_session", "{'command':'false','check':'raise'}"))
        .isEqualTo("swerex.exceptions.NonZeroExitCodeError");
    assertThat(raised("/run_in_session", "{'command':'sleep 50','timeout':0.2}"))
        .isEqualTo("swerex.exceptions.CommandTimeoutError");
    assertThat(raised("/execute", "{'command':['sleep','50'],'timeout':0.2}"))
        .isEqualTo("swerex.exceptions.CommandTimeoutError");
    assertThat(raised("/read_file", "{'path':'/nothing'}")).isEqualTo("builtins.FileNotFoundError");
    assertThat(run("echo on", "silent").get("output").asText()).isEqualTo("on\n");
  }

  @Test
  void commandsAndFiles() {
    ok("/write_file", "{'path':'/workspace/a/b.txt','content':'x'}");
    assertThat(ok("/read_file", "{'path':'/workspace/a/b.txt'}").get("content").asText())
        .isEqualTo("x");
    JsonNode result =
        ok("/execute", "{'command':'cat b.txt; echo e >&2; exit 2','shell':true,'cwd':'a'}");
    assertThat(result.toString())
        .isEqualTo("{\"stdout\":\"x\",\"stderr\":\"e\\n\",\"exit_code\":2}");
  }

  @Test
  void aFileIsUploadedAsAForm() {
    String form =
        """
        --B
        Content-Disposition: form-data; name="target_path"

        /workspace/u/x
        --B
        Content-Disposition: form-data; name="unzip"

        false
        --B
        Content-Disposition: form-data; name="file"; filename="x"
        Content-Type: application/octet-stream

        content
        --B--
        """
            .replace("\n", "\r\n");

    HttpResponse<String> response =
        RunningSandbox.send(
            request("/upload")
                .header("Content-Type", "multipart/form-data; boundary=B")
                .POST(BodyPublishers.ofString(form)));

    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    assertThat(ok("/read_file", "{'path':'u/x'}").get("content").asText()).isEqualTo("content");
  }

  @Test
  void aKeyIsRequired() {
    HttpResponse<String> response =
        RunningSandbox.send(
            HttpRequest.newBuilder(URI.create(sandbox.url() + "/execute"))
                .POST(BodyPublishers.ofString("{}")));

    assertThat(response.statusCode()).isEqualTo(422);
    assertThat(RunningSandbox.json(RunningSandbox.send(request("/is_alive").GET())).toString())
        .isEqualTo("{\"is_alive\":true,\"message\":\"\"}");
  }

  private JsonNode run(String command, String check) {
    return ok("/run_in_session", "{'command':'" + command + "','check':'" + check + "'}");
  }

  private JsonNode ok(String path, String body) {
    HttpResponse<String> response = post(path, body);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return RunningSandbox.json(response);
  }

  private String raised(String path, String body) {
    HttpResponse<String> response = post(path, body);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(511);
    return RunningSandbox.json(response).at("/swerexception/class_path").asText();
  }

  private HttpResponse<String> post(String path, String body) {
    return RunningSandbox.send(
        request(path).POST(BodyPublishers.ofString(body.replace('\'', '"'))));
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(sandbox.url() + path)).header("X-API-Key", "secret");
  }
}
