package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Sessions over HTTP: what lives from call to call, and what ends them.
final class SessionsTest {
  private final RunningSandbox sandbox = RunningSandbox.shared();
  private final String id = open("{}").get("id").asText();

  @AfterEach
  void nothingIsLeft() {
    call("DELETE", "", "");
    sandbox.assertNothingIsLeft();
  }

  @Test
  void theWorkspaceLivesFromCallToCall() {
    assertThat(exec("echo hello > a.txt; mkdir d; pwd").get("stdout").asText())
        .isEqualTo("/workspace\n");

    JsonNode second = exec("cat a.txt; ls");

    assertThat(second.get("stdout").asText()).isEqualTo("hello\na.txt\nd\n");
    assertThat(second.get("return_code").asInt()).isZero();
    assertThat(second.get("status").asText()).isEqualTo("Finished");
  }

  @Test
  void cellsShareTheirVariables() {
    assertThat(cell("a = 5\nprint('set')").get("stdout").asText()).isEqualTo("set\n");

    JsonNode second = cell("a + 1");

    assertThat(second.at("/display/0/text~1plain").asText()).isEqualTo("6");
    assertThat(second.get("status").asText()).isEqualTo("Finished");
  }

  @Test
  void aCellThatFailsKeepsTheVariables() {
    cell("a = 5");

    JsonNode failed = cell("1 / 0");

    assertThat(failed.get("status").asText()).isEqualTo("Error");
    assertThat(failed.at("/error/0/ename").asText()).isEqualTo("ZeroDivisionError");
    assertThat(cell("print(a)").get("stdout").asText()).isEqualTo("5\n");
  }

  @Test
  void aCellIsInterruptedAtItsTimeoutAndKeepsTheVariables() {
    cell("a = 5");

    JsonNode late = cell("import time\ntime.sleep(50)", 0.2);

    assertThat(late.get("status").asText()).isEqualTo("TimeLimitExceeded");
    assertThat(late.get("restarted").asBoolean()).isFalse();
    assertThat(cell("print(a)").get("stdout").asText()).isEqualTo("5\n");
  }

  @Test
  void aCellDeafToInterruptsIsKilledAndTheNextStartsAnew() {
    JsonNode late =
        cell("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", 0.2);

    assertThat(late.get("restarted").asBoolean()).isTrue();
    assertThat(cell("print(1)").get("stdout").asText()).isEqualTo("1\n");
  }

  @Test
  void aCommandIsKilledAtItsTimeoutWithItsChildren() {
    ObjectNode body = command("(sleep 60 & sleep 61; wait) | cat").put("timeout_s", 0.2);

    JsonNode late = json(call("POST", "/exec", body.toString()));

    assertThat(late.get("status").asText()).isEqualTo("TimeLimitExceeded");
    assertThat(late.get("return_code").isNull()).isTrue();
    assertThat(exec("ps ax 2>/dev/null | grep -c '[s]leep'").get("stdout").asText())
        .isEqualTo("0\n");
  }

  @Test
  void whatRunsInTheBackgroundLivesOn() {
    exec("python3 -m http.server 8000 >/dev/null 2>&1 &");

    JsonNode answer =
        exec("for i in $(seq 50); do curl -sI localhost:8000 && break; sleep 0.1; done | head -1");

    assertThat(answer.get("stdout").asText()).contains("200");
  }

  @Test
  void environmentFolderAndStdinAreTheCallers() {
    ObjectNode body = command("pwd; echo $NAME; cat").put("cwd", "/tmp").put("stdin", "in");
    body.putObject("env").put("NAME", "value");

    assertThat(json(call("POST", "/exec", body.toString())).get("stdout").asText())
        .isEqualTo("/tmp\nvalue\nin");
  }

  @Test
  void aProgramMayBeNamedWithItsArguments() {
    HttpResponse<String> response =
        call("POST", "/exec", "{\"command\":[\"printf\",\"%s|\",\"a b\",\"$HOME\"]}");

    assertThat(json(response).get("stdout").asText()).isEqualTo("a b|$HOME|");
    assertThat(
            json(call("POST", "/exec", "{\"command\":[\"nothing\"]}")).get("return_code").asInt())
        .isEqualTo(127);
  }

  @Test
  void filesGoInAndOut() {
    byte[] content = {0, (byte) 0xff, 'x', '\n'};

    assertThat(put("d/e/f.bin", content).statusCode()).isEqualTo(200);

    assertThat(bytes("/files?path=d/e/f.bin")).isEqualTo(content);
    JsonNode entries = json(call("GET", "/list?path=d/e", "")).get("entries");
    assertThat(entries).hasSize(1);
    assertThat(entries.at("/0/name").asText()).isEqualTo("f.bin");
    assertThat(entries.at("/0/size").asInt()).isEqualTo(4);
  }

  @ParameterizedTest
  @CsvSource({
    "/files?path=nothing, 404, /workspace/nothing: No such file or directory",
    "/files?path=/etc/shadow, 404, /etc/shadow: No such file or directory",
    "/files?path=link, 404, /workspace/link: No such file or directory",
    "/files?path=/proc/1/mem, 400, /proc/1/mem: Permission denied",
    "/files?path=/dev/zero, 400, /dev/zero: Is not a regular file",
    "/files?path=pipe, 400, /workspace/pipe: Is not a regular file",
    "/files?path=., 400, /workspace/.: Is a directory",
    "/files?path=big, 400, '/workspace/big: Has 41943040 bytes, more than the 33554432 that may be read'",
    "/list?path=/root, 404, /root: No such file or directory"
  })
  void whatIsNoFileIsSaid(String path, int status, String why) {
    exec("ln -s /etc/shadow link; mkfifo pipe; truncate -s 40M big");

    HttpResponse<String> response = call("GET", path, "");

    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    assertThat(json(response).get("detail").asText()).isEqualTo(why);
  }

  @Test
  void aSnapshotGoesIntoAnotherSession() {
    exec(
        "echo one > a; mkdir d; ln -s ../a d/b; head -c 3000000 /dev/urandom > big; sha256sum big");
    byte[] tar = bytes("/snapshot");
    String other = open("{}").get("id").asText();

    HttpResponse<String> uploaded =
        send(request("POST", other, "/upload", BodyPublishers.ofByteArray(tar)));

    assertThat(uploaded.statusCode()).as(uploaded.body()).isEqualTo(200);
    String check = "{\"command\":\"cat d/b; sha256sum big\"}";
    JsonNode copied = json(send(request("POST", other, "/exec", BodyPublishers.ofString(check))));
    assertThat(copied.get("stdout").asText())
        .isEqualTo("one\n" + exec("sha256sum big").get("stdout").asText());
    send(request("DELETE", other, "", BodyPublishers.noBody()));
  }

  @Test
  void anArchiveThatIsNoneIsRefused() {
    HttpResponse<String> response = call("POST", "/upload", "no tar");

    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(response.body()).contains("does not look like a tar archive");
  }

  @Test
  void filesMayComeWithTheSession() {
    String other =
        open("{\"files\":{\"x/y\":\"" + RunningSandbox.base64("z") + "\"}}").get("id").asText();

    HttpResponse<String> response =
        send(request("POST", other, "/exec", BodyPublishers.ofString("{\"command\":\"cat x/y\"}")));

    assertThat(json(response).get("stdout").asText()).isEqualTo("z");
    send(request("DELETE", other, "", BodyPublishers.noBody()));
  }

  @Test
  void aForkBombDoesNotEndTheSession() {
    ObjectNode bomb = command(":(){ :|:& };:; sleep 9").put("timeout_s", 0.5);

    call("POST", "/exec", bomb.toString());

    assertThat(exec("echo still here").get("stdout").asText()).isEqualTo("still here\n");
  }

  @Test
  void tooMuchMemoryIsSaid() {
    String other = open("{\"memory_limit_MB\":64}").get("id").asText();
    String bomb = "{\"command\":\"x=a; while :; do x=$x$x; done\"}";

    JsonNode result = json(send(request("POST", other, "/exec", BodyPublishers.ofString(bomb))));

    assertThat(result.get("return_code").asInt()).isNotZero();
    assertThat(result.get("stderr").asText()).containsAnyOf("memory", "allocate");
    send(request("DELETE", other, "", BodyPublishers.noBody()));
  }

  @Test
  void aClosedSessionIsGoneAndAnUnknownOneUnknown() {
    assertThat(call("DELETE", "", "").statusCode()).isEqualTo(200);
    assertThat(call("DELETE", "", "").statusCode()).isEqualTo(200);
    HttpResponse<String> gone = call("POST", "/exec", command("ls").toString());
    assertThat(gone.statusCode()).isEqualTo(410);
    assertThat(gone.body()).isEqualTo("{\"detail\":\"The session has ended: it was closed\"}");
    assertThat(send(request("GET", "nothing", "", BodyPublishers.noBody())).statusCode())
        .isEqualTo(404);
  }

  @Test
  void anIdleSessionIsReaped() {
    String other = open("{\"idle_s\":0.1}").get("id").asText();

    JailedProcesses.await(
        () -> send(request("GET", other, "", BodyPublishers.noBody())).statusCode() == 410);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'command':7} | command | Input should be a string for bash, or a list of strings",
        "{'command':[]} | command | Input should be a string for bash, or a list of strings",
        "{'command':'a\\u0000b'} | command | Input should not contain NUL",
        "{'command':'a','timeout_s':0} | timeout_s | Input should be more than 0 and at most 3600 seconds",
        "{'command':'a','env':[]} | env | Input should be a valid dictionary",
        "{'command':'a','env':{'a=b':'c'}} | env | Input should map names to strings: a=b",
        "{'command':'a','cwd':7} | cwd | Input should be a valid string"
      })
  void badCommandsAreNamed(String body, String field, String message) {
    HttpResponse<String> response = call("POST", "/exec", body.replace('\'', '"'));

    assertThat(response.statusCode()).as(response.body()).isEqualTo(422);
    assertThat(json(response).at("/detail/0/loc/1").asText()).isEqualTo(field);
    assertThat(json(response).at("/detail/0/msg").asText()).isEqualTo(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'ttl_s':-1} | ttl_s",
        "{'memory_limit_MB':1} | memory_limit_MB",
        "{'memory_limit_MB':'x'} | memory_limit_MB",
        "{'files':{'../../etc/x':''}} | files"
      })
  void badSessionsAreNamed(String body, String field) {
    HttpResponse<String> response =
        send(
            HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1/sessions"))
                .POST(BodyPublishers.ofString(body.replace('\'', '"'))));

    assertThat(response.statusCode()).as(response.body()).isEqualTo(422);
    assertThat(json(response).at("/detail/0/loc/1").asText()).isEqualTo(field);
  }

  private JsonNode open(String body) {
    HttpResponse<String> response =
        send(
            HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1/sessions"))
                .POST(BodyPublishers.ofString(body)));
    assertThat(response.statusCode()).as(response.body()).isEqualTo(201);
    return json(response);
  }

  private static ObjectNode command(String text) {
    return RunningSandbox.JSON.createObjectNode().put("command", text);
  }

  private JsonNode exec(String text) {
    HttpResponse<String> response = call("POST", "/exec", command(text).toString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return json(response);
  }

  private JsonNode cell(String code) {
    return cell(code, 20);
  }

  private JsonNode cell(String code, double seconds) {
    ObjectNode body = RunningSandbox.JSON.createObjectNode().put("code", code);
    HttpResponse<String> response =
        call("POST", "/cell", body.put("timeout_s", seconds).toString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return json(response);
  }

  private HttpResponse<String> call(String method, String path, String body) {
    return send(request(method, id, path, BodyPublishers.ofString(body)));
  }

  private HttpResponse<String> put(String path, byte[] content) {
    return send(request("PUT", id, "/files?path=" + path, BodyPublishers.ofByteArray(content)));
  }

  private byte[] bytes(String path) {
    try (HttpClient http = HttpClient.newHttpClient()) {
      HttpResponse<byte[]> response =
          http.send(
              request("GET", id, path, BodyPublishers.noBody()).build(),
              BodyHandlers.ofByteArray());
      assertThat(response.statusCode())
          .as(new String(response.body(), StandardCharsets.UTF_8).lines().findFirst().orElse(""))
          .isEqualTo(200);
      return response.body();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private HttpRequest.Builder request(
      String method, String session, String path, HttpRequest.BodyPublisher body) {
    return HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1/sessions/" + session + path))
        .method(method, body);
  }

  private static HttpResponse<String> send(HttpRequest.Builder request) {
    return RunningSandbox.send(request);
  }

  private static JsonNode json(HttpResponse<String> response) {
    return RunningSandbox.json(response);
  }
}
