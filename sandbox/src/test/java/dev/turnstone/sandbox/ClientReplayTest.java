package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What RL trainers' clients send, field for field and with their headers, and what they read of
/// the answer: verl's `call_sandbox_api` (SkyRL's is made after it), tinker-cookbook's
/// `SandboxFusionClient`, and curl.
final class ClientReplayTest {
  private final RunningSandbox sandbox = RunningSandbox.shared();

  /// verl tells by these fields whether a case was right, wrong, slow, broken or not compiled.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "python | print(int(input())*2) | Success | | Finished | 0",
        "python | 1/0 | Failed | | Finished | 1",
        "python | while True: pass | Failed | | TimeLimitExceeded | null",
        "cpp | int main(){return x;} | Failed | Finished | | ",
        "cpp | int main(){return 3;} | Failed | Finished | Finished | 3",
        "csharp | x | SandboxError | | | "
      })
  void verl(
      String language,
      String code,
      String status,
      @Nullable String compile,
      @Nullable String run,
      @Nullable String exit) {
    ObjectNode request = RunningSandbox.request(language, code);
    request.put("compile_timeout", 9).put("run_timeout", 1).put("stdin", "21\n");
    request.put("memory_limit_MB", 1024).putObject("files");
    request.putArray("fetch_files");

    JsonNode response = post(request.toString(), "application/json", "application/json");

    assertThat(response.get("status").asText()).as(response.toString()).isEqualTo(status);
    result(response.get("compile_result"), compile);
    result(response.get("run_result"), run);
    if (exit != null) assertThat(response.at("/run_result/return_code").asText()).isEqualTo(exit);
    if (status.equals("Success"))
      assertThat(response.at("/run_result/stdout").asText()).isEqualTo("42\n");
  }

  private static void result(JsonNode result, @Nullable String status) {
    assertThat(result.isNull()).isEqualTo(status == null);
    if (status == null) return;
    assertThat(result.get("status").asText()).isEqualTo(status);
    assertThat(result.get("stdout").isTextual()).isTrue();
    assertThat(result.get("stderr").isTextual()).isTrue();
    assertThat(result.get("execution_time").isNumber()).isTrue();
  }

  @Test
  void tinkerCookbook() {
    String body =
        """
        {"code": "import helper; print(helper.x, open('data.txt').read())", "language": "python",
         "run_timeout": 6, "files": {"helper.py": "%s", "data.txt": "%s"}}
        """
            .formatted(RunningSandbox.base64("x = 7"), RunningSandbox.base64("some"));

    JsonNode response = post(body, "application/json", "*/*");

    assertThat(response.get("status").asText()).as(response.toString()).isEqualTo("Success");
    assertThat(response.at("/run_result/stdout").asText()).isEqualTo("7 some\n");
  }

  /// `curl -d` says that its body is a form, in which a per cent sign would be an escape.
  @Test
  void curl() {
    String body = "{\"language\":\"python\",\"code\":\"print('%d+%d&a=b' % (1, 2))\"}";

    JsonNode response = post(body, "application/x-www-form-urlencoded", "*/*");

    assertThat(response.at("/run_result/stdout").asText()).isEqualTo("1+2&a=b\n");
  }

  private JsonNode post(String body, String type, String accept) {
    HttpResponse<String> response =
        RunningSandbox.send(
            HttpRequest.newBuilder(URI.create(sandbox.url() + "/run_code"))
                .header("Content-Type", type)
                .header("Accept", accept)
                .POST(BodyPublishers.ofString(body)));
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return RunningSandbox.json(response);
  }
}
