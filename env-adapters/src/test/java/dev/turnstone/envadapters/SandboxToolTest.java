package dev.turnstone.envadapters;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.equalToJson;
import static com.github.tomakehurst.wiremock.client.WireMock.matchingJsonPath;
import static com.github.tomakehurst.wiremock.client.WireMock.ok;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.status;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static com.github.tomakehurst.wiremock.stubbing.Scenario.STARTED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.tomakehurst.wiremock.client.ResponseDefinitionBuilder;
import com.github.tomakehurst.wiremock.http.Fault;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Observation.Result;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SandboxToolTest {
  private static final String TOOL =
      "{'kind':'sandbox','name':'python','description':'Runs Python','url':'URL','max_output_tokens':5}";

  private final Peerage peer = new Peerage();

  @AfterEach
  void close() {
    peer.close();
  }

  @Test
  void codeRunsWithTheLimitsOfTheRegistration() throws Exception {
    answers(okJson(ran("Success", "Finished", "0", "4\\n", "")));

    assertThat(run("print(2+2)")).isInstanceOf(Result.Ok.class).returns("4", Result::text);
    peer.http.verify(
        postRequestedFor(urlEqualTo("/run_code"))
            .withRequestBody(
                equalToJson(
                    """
                    {"language":"python","code":"print(2+2)","run_timeout":10,"memory_limit_MB":512}
                    """)));
  }

  @Test
  void theHostsOfTheRegistrationGoWithEachCallAndOnesBeyondTheOperatorsAreALostEnvironment()
      throws Exception {
    String detail =
        "{\"detail\":[{\"loc\":[\"body\",\"network\"],\"msg\":\"evil.example is no host that\"}]}";
    answers(status(422).withBody(detail));

    assertThatThrownBy(
            () -> run(TOOL.replace("}", ",'network':['pypi.org','evil.example']}"), "print(1)"))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageContaining("evil.example is no host that");
    peer.http.verify(
        postRequestedFor(urlEqualTo("/run_code"))
            .withRequestBody(
                matchingJsonPath("$.network", equalToJson("[\"pypi.org\",\"evil.example\"]"))));
  }

  @Test
  void aSilentProgramIsNotAnEmptyObservation() throws Exception {
    answers(okJson(ran("Success", "Finished", "0", "\\n", "a warning")));

    assertThat(run("x=1")).isInstanceOf(Result.Ok.class).returns("(no output)", Result::text);
  }

  @Test
  void longOutputIsCutInTheMiddleAndSaysSo() throws Exception {
    answers(okJson(ran("Success", "Finished", "0", "a".repeat(500) + "end", "")));

    assertThat(run("x=1").text()).isEqualTo("aaaaaaaaaaaa\n[about 121 tokens cut]\naaaaaend");
  }

  @Test
  void aFailedProgramShowsTheEndOfItsOutput() throws Exception {
    answers(okJson(ran("Failed", "Finished", "1", "before\\n", "Traceback ... NameError: x\\n")));

    assertThat(run("x"))
        .isInstanceOf(Result.Failed.class)
        .returns("[4 tokens cut]\nack ... NameError: x\n[exit code 1]", Result::text);
  }

  @Test
  void aProgramOverItsTimeIsAFailedResult() throws Exception {
    answers(okJson(ran("Failed", "TimeLimitExceeded", "null", "half", "")));

    assertThat(run("while 1: 0"))
        .isInstanceOf(Result.Failed.class)
        .returns("half\n[time limit exceeded]", Result::text);
  }

  @Test
  void codeThatDoesNotCompileIsAFailedResult() throws Exception {
    answers(
        okJson(
            """
            {"status":"Failed","message":"","run_result":null,"compile_result":
             {"status":"Finished","return_code":1,"stdout":"","stderr":"no ;"}}
            """));

    assertThat(run("int")).returns("no ;\n[compiler: exit code 1]", Result::text);
  }

  @Test
  void aBusySandboxIsAskedAgainAfterGrowingPauses() throws Exception {
    String url = "/run_code";
    peer.http.stubFor(
        post(url)
            .inScenario("busy")
            .whenScenarioStateIs(STARTED)
            .willReturn(status(504))
            .willSetStateTo("1"));
    peer.http.stubFor(
        post(url)
            .inScenario("busy")
            .whenScenarioStateIs("1")
            .willReturn(status(504))
            .willSetStateTo("2"));
    peer.http.stubFor(
        post(url)
            .inScenario("busy")
            .whenScenarioStateIs("2")
            .willReturn(okJson(ran("Success", "Finished", "0", "4", ""))));

    assertThat(run("print(4)")).returns("4", Result::text);
    assertThat(peer.pauses).hasSize(2);
    assertThat(peer.pauses.get(0)).isBetween(Duration.ofMillis(500), Duration.ofSeconds(1));
    assertThat(peer.pauses.get(1)).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(2));
  }

  @ParameterizedTest
  @ValueSource(ints = {500, 503, 504, 429})
  void aSandboxThatStaysBusyIsABrokenEnvironment(int status) {
    answers(status(status));

    assertThatThrownBy(() -> run("1"))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageEndingWith("answered " + status);
    peer.http.verify(4, postRequestedFor(urlEqualTo("/run_code")));
  }

  @ParameterizedTest
  @EnumSource(Fault.class)
  void aConnectionThatBreaksIsABrokenEnvironment(Fault fault) {
    answers(aResponse().withFault(fault));

    assertThatThrownBy(() -> run("1")).isInstanceOf(EnvironmentLost.class);
    peer.http.verify(4, postRequestedFor(urlEqualTo("/run_code")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"status\":\"SandboxError\",\"message\":\"no jail\"}",
        "{\"status\":\"Perhaps\"}",
        "{}",
        "<html>",
        ""
      })
  void whatIsNoResultIsABrokenEnvironment(String body) {
    answers(ok(body));

    assertThatThrownBy(() -> run("1")).isInstanceOf(EnvironmentLost.class);
  }

  @Test
  void aRefusedRequestIsABrokenEnvironmentThatSaysWhy() {
    answers(status(422).withBody("{\"detail\":\n\"language\"}"));

    assertThatThrownBy(() -> run("1"))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageEndingWith("/ answered 422: {\"detail\": \"language\"}");
    peer.http.verify(1, postRequestedFor(urlEqualTo("/run_code")));
  }

  @Test
  void theRolloutsTimeEndsACallWithoutLosingTheEnvironment() throws Exception {
    answers(okJson(ran("Success", "Finished", "0", "4", "")).withFixedDelay(20_000));

    try (Environment.Session session = peer.open(TOOL, "", "{}", Duration.ofMillis(200))) {
      Result result =
          session
              .step(List.of(Peerage.toolCall("c-0", "python", "{'code':'1'}")))
              .results()
              .getFirst();
      assertThat(result)
          .isInstanceOf(Result.Failed.class)
          .returns("Error: the time for this task is over", Result::text);
    }
  }

  private Result run(String code) throws EnvironmentLost, InterruptedException {
    return run(TOOL, code);
  }

  private Result run(String tool, String code) throws EnvironmentLost, InterruptedException {
    return peer.call(tool, "python", "{'code':'%s'}".formatted(code));
  }

  private void answers(ResponseDefinitionBuilder response) {
    peer.http.stubFor(post("/run_code").willReturn(response));
  }

  private static String ran(String status, String run, String code, String out, String err) {
    return """
    {"status":"%s","message":"","compile_result":null,"run_result":{"status":"%s",
     "execution_time":0.02,"return_code":%s,"stdout":"%s","stderr":"%s"},"files":{}}
    """
        .formatted(status, run, code, out, err);
  }
}
