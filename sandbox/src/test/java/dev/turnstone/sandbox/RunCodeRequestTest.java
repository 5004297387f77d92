package dev.turnstone.sandbox;

import static dev.turnstone.sandbox.RunningSandbox.json;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.sandbox.jail.HostTools;
import dev.turnstone.sandbox.jail.Limits;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What the service says to requests before any program runs.
final class RunCodeRequestTest {
  private final RunningSandbox sandbox = RunningSandbox.shared();

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'language':'python'} | missing | code | Field required",
        "{'code':'1'} | missing | language | Field required",
        "{'code':'1','language':'cobol'} | literal_error | language | Input should be LANGUAGES",
        "{'code':'1','language':7} | literal_error | language | Input should be LANGUAGES",
        "{'code':7,'language':'bash'} | string_type | code | Input should be a valid string",
        "{'code':null,'language':'bash'} | string_type | code | Input should be a valid string",
        "{'code':'1','language':'bash','stdin':7} | string_type | stdin | Input should be a valid string",
        "{'code':'1','language':'bash','run_timeout':'x'} | float_parsing | run_timeout | Input should be a valid number",
        "{'code':'1','language':'bash','run_timeout':0} | value_error | run_timeout | Input should be more than 0 and at most 3600 seconds",
        "{'code':'1','language':'bash','run_timeout':1e99} | value_error | run_timeout | Input should be more than 0 and at most 3600 seconds",
        "{'code':'1','language':'bash','compile_timeout':[]} | float_parsing | compile_timeout | Input should be a valid number",
        "{'code':'1','language':'bash','memory_limit_MB':1.5} | int_from_float | memory_limit_MB | Input should be a valid integer",
        "{'code':'1','language':'bash','memory_limit_MB':99999999} | value_error | memory_limit_MB | Input should be at most 65536 MiB, or -1 for the default",
        "{'code':'1','language':'bash','files':[]} | dict_type | files | Input should be a valid dictionary",
        "{'code':'1','language':'bash','files':{'a':7}} | string_type | files | Input should be a valid string",
        "{'code':'1','language':'bash','files':{'a':'x'}} | value_error | files | Input should be base64: Input byte[] should at least have 2 bytes for base64 bytes",
        "{'code':'1','language':'bash','files':{'a':'!!notb64'}} | value_error | files | Input should be base64: Illegal base64 character 21",
        "{'code':'1','language':'bash','files':{'../etc/cron.d/x':'eA=='}} | value_error | files | Path should lead to a file below /workspace, /tmp or /mnt: ../etc/cron.d/x",
        "{'code':'1','language':'bash','files':{'/usr/bin/x':'eA=='}} | value_error | files | Path should lead to a file below /workspace, /tmp or /mnt: /usr/bin/x",
        "{'code':'1','language':'bash','files':{'.':'eA=='}} | value_error | files | Path should lead to a file below /workspace, /tmp or /mnt: .",
        "{'code':'1','language':'bash','fetch_files':null} | list_type | fetch_files | Input should be a valid list",
        "{'code':'1','language':'bash','fetch_files':[7]} | string_type | fetch_files | Input should be a valid string",
      })
  void anInvalidFieldIsNamed(String body, String type, String field, String message) {
    HttpResponse<String> response = sandbox.post(body.replace('\'', '"'));

    assertThat(response.statusCode()).isEqualTo(422);
    JsonNode error = json(response).at("/detail/0");
    assertThat(error.get("type").asText()).isEqualTo(type);
    assertThat(error.at("/loc/0").asText()).isEqualTo("body");
    assertThat(error.at("/loc/1").asText()).isEqualTo(field);
    String names = Languages.find(new HostTools(Path.of("/"), Optional.empty(), List.of())).names();
    assertThat(error.get("msg").asText()).isEqualTo(message.replace("LANGUAGES", names));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[]", "null", "\"x\"", "{} {}", "\u0000"})
  void whatIsNoJsonObjectIsRefused(String body) {
    assertThat(sandbox.post(body).statusCode()).isEqualTo(422);
  }

  @Test
  void deeplyNestedJsonIsRefused() {
    assertThat(sandbox.post("[".repeat(100_000)).statusCode()).isEqualTo(422);
  }

  @Test
  void allErrorsAreListedAtOnce() {
    JsonNode errors = json(sandbox.post("{\"run_timeout\":-1}")).get("detail");

    assertThat(errors.findValuesAsText("type"))
        .containsExactlyInAnyOrder("missing", "missing", "value_error");
  }

  @Test
  void whatVerlSendsIsTaken() {
    HttpResponse<String> response =
        sandbox.post(
            """
            {"compile_timeout": 10, "run_timeout": "5", "code": "print(input())", "stdin": "ü",
             "memory_limit_MB": 1024.0, "language": "python", "files": {}, "fetch_files": [],
             "unknown": [1]}
            """);

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("content-type")).hasValue("application/json");
    assertThat(json(response).at("/run_result/stdout").asText()).isEqualTo("ü\n");
  }

  @Test
  void anOverlongBodyIsRefused() {
    String code = "#".repeat(Limits.BODY);

    HttpResponse<String> response =
        sandbox.post("{\"language\":\"python\",\"code\":\"" + code + "\"}");

    assertThat(response.statusCode()).isEqualTo(413);
  }

  @Test
  void aLargeProgramRuns() {
    String code = "#".repeat(30 << 20) + "\\nprint(1)";

    HttpResponse<String> response =
        sandbox.post("{\"language\":\"python\",\"code\":\"" + code + "\"}");

    assertThat(json(response).at("/run_result/stdout").asText()).isEqualTo("1\n");
  }

  @Test
  void filesThatCannotLieTogetherAreReported() {
    HttpResponse<String> response =
        sandbox.post(
            "{\"language\":\"bash\",\"code\":\"ls\",\"files\":{\"a\":\"eA==\",\"a/b\":\"eA==\"}}");

    assertThat(json(response).get("status").asText()).isEqualTo("SandboxError");
    assertThat(json(response).get("message").asText()).isEqualTo("files: a/b: File exists");
  }

  @Test
  void tooManyFilesAreRefused() {
    StringBuilder files = new StringBuilder("\"f0\":\"\"");
    for (int i = 1; i < 10_000; i++) files.append(",\"f%d\":\"\"".formatted(i));

    HttpResponse<String> response =
        sandbox.post("{\"language\":\"bash\",\"code\":\"ls\",\"files\":{" + files + "}}");

    assertThat(response.statusCode()).isEqualTo(422);
    assertThat(response.body()).contains("More than 1000 files");
  }

  @Test
  void pingAnswersPong() {
    HttpResponse<String> response = get("/v1/ping");

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.body()).isEqualTo("\"pong\"");
  }

  @Test
  void otherPathsAndMethodsAreNamed() {
    assertThat(get("/v1/nothing").statusCode()).isEqualTo(404);
    assertThat(get("/run_code").statusCode()).isEqualTo(405);
    assertThat(get("/run_code").body()).isEqualTo("{\"detail\":\"Method Not Allowed\"}");
  }

  @ParameterizedTest
  @CsvSource({
    "Host, evil.example, 403",
    "Host, 127.0.0.1.evil.example:8080, 403",
    "Host, localhost:8080, 200",
    "Host, [::1]:8080, 200",
    "Origin, https://evil.example, 403",
    "Origin, null, 403",
    "Origin, http://localhost:3000, 200"
  })
  void requestsOfForeignWebPagesAreRefused(String header, String value, int status) {
    HttpResponse<String> response =
        RunningSandbox.send(
            HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1/ping")).header(header, value));

    assertThat(response.statusCode()).isEqualTo(status);
  }

  private HttpResponse<String> get(String path) {
    return RunningSandbox.send(HttpRequest.newBuilder(URI.create(sandbox.url() + path)));
  }
}
