package dev.turnstone.envadapters;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.any;
import static com.github.tomakehurst.wiremock.client.WireMock.anyRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.client.WireMock.equalTo;
import static com.github.tomakehurst.wiremock.client.WireMock.matching;
import static com.github.tomakehurst.wiremock.client.WireMock.ok;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.putRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.status;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.tomakehurst.wiremock.client.ResponseDefinitionBuilder;
import com.github.tomakehurst.wiremock.http.Fault;
import dev.turnstone.envadapters.peer.Peer;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Observation.Result;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class HttpToolTest {
  private static final String HEAD =
      """
      {'kind':'http','name':'find','description':'Finds','url':'URL/find?k=v','timeout_s':%s,
       'parameters':{'type':'object','properties':{'q':{'type':'string'},'n':{'type':'integer'}},
         'required':['q'],'additionalProperties':false},
      """;
  private static final String ONCE = HEAD.formatted("5") + "'idempotent':false}";
  private static final String REPEATED = HEAD.formatted("5") + "'idempotent':true}";

  private final Peerage peer = new Peerage();

  @AfterEach
  void close() {
    peer.close();
  }

  @Test
  void argumentsGoOutAsJsonAndTheAnswerComesBackCompact() throws Exception {
    answers(okJson("{ \"hits\" : [ 1.50, 2 ] }\n"));

    assertThat(call(ONCE, "{'q':'x', 'q':'y'}"))
        .isInstanceOf(Result.Ok.class)
        .returns("{\"hits\":[1.50,2]}", Result::text);
    peer.http.verify(
        postRequestedFor(urlEqualTo("/find?k=v"))
            .withHeader("Content-Type", equalTo("application/json"))
            .withHeader("X-Turnstone-Session", matching("[0-9a-f-]{36}"))
            .withRequestBody(equalTo("{\"q\":\"y\"}")));
  }

  @Test
  void theMethodIsTheRegisteredOne() throws Exception {
    answers(ok("done"));

    assertThat(call(HEAD.formatted("5") + "'method':'PUT'}", "{'q':'x'}").text()).isEqualTo("done");
    peer.http.verify(putRequestedFor(urlEqualTo("/find?k=v")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{}                | required property 'q' not found",
        "{'q':1}           | /q: integer found, string expected",
        "{'q':'x','z':1}   | property 'z' is not defined",
        "[]                | array found, object expected",
        "{'q':'x','n':1.5} | /n: number found, integer expected",
        "{'q':             | not JSON: Unexpected end-of-input",
        "{'q':'x'} {}      | not JSON: Trailing token",
      })
  void argumentsAgainstTheSchemaAreShownToThePolicyAndNotSent(String arguments, String why)
      throws Exception {
    assertThat(call(ONCE, arguments))
        .isInstanceOf(Result.Failed.class)
        .extracting(Result::text)
        .asString()
        .startsWith("Error: invalid arguments: ")
        .contains(why);
    peer.http.verify(0, anyRequestedFor(anyUrl()));
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 403, 404, 409, 422})
  void whatTheToolThinksOfTheArgumentsIsShownToThePolicy(int status) throws Exception {
    answers(status(status).withBody("no such city"));

    assertThat(call(REPEATED, "{'q':'x'}"))
        .isInstanceOf(Result.Failed.class)
        .returns("Error %d: no such city".formatted(status), Result::text);
    peer.http.verify(1, anyRequestedFor(anyUrl()));
  }

  @ParameterizedTest
  @CsvSource({"500,3", "503,3", "429,3", "408,3", "401,1", "405,1", "302,1", "304,1"})
  void everythingElseIsABrokenEnvironmentAfterTheRetriesOfAnIdempotentTool(int status, int sent) {
    answers(status(status));

    assertThatThrownBy(() -> call(REPEATED, "{'q':'x'}")).isInstanceOf(EnvironmentLost.class);
    peer.http.verify(sent, anyRequestedFor(anyUrl()));
  }

  @ParameterizedTest
  @ValueSource(ints = {500, 503, 408, 429})
  void aToolThatIsNotIdempotentIsCalledOnce(int status) {
    answers(status(status).withHeader("Retry-After", "0"));

    assertThatThrownBy(() -> call(ONCE, "{'q':'x'}")).isInstanceOf(EnvironmentLost.class);
    peer.http.verify(1, anyRequestedFor(anyUrl()));
  }

  @Test
  void aCallIsNotRepeatedWhenAReusedConnectionBreaks() throws Exception {
    answers(ok("first"));
    assertThat(call(ONCE, "{'q':'x'}").text()).isEqualTo("first");

    peer.http.resetRequests();
    answers(aResponse().withFault(Fault.CONNECTION_RESET_BY_PEER));
    assertThatThrownBy(() -> call(ONCE, "{'q':'x'}")).isInstanceOf(EnvironmentLost.class);
    peer.http.verify(1, anyRequestedFor(anyUrl()));
  }

  @Test
  void aHungToolIsABrokenEnvironmentUnlessItSaysOtherwise() throws Exception {
    answers(ok("late").withChunkedDribbleDelay(4, 60_000));

    String hasty = HEAD.formatted("0.1");
    assertThatThrownBy(() -> call(hasty + "'idempotent':true}", "{'q':'x'}"))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageEndingWith("/find did not answer within 0.1 s");
    assertThat(call(hasty + "'on_timeout':'tool_error'}", "{'q':'x'}"))
        .isInstanceOf(Result.Failed.class)
        .returns("Error: timed out after 0.1 s", Result::text);
    peer.http.verify(2, anyRequestedFor(anyUrl()));
  }

  @Test
  void aToolThatIsNotThereIsABrokenEnvironment() {
    String nobody = ONCE.replace("URL", "http://127.0.0.1:1");

    assertThatThrownBy(() -> call(nobody, "{'q':'x'}"))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageContaining("is not reachable: ");
  }

  @Test
  void anAnswerWithoutEndIsReadToABound() throws Exception {
    answers(ok("x".repeat((int) Peer.MAX_BODY_BYTES + 5)));

    assertThat(call(HEAD.formatted("30") + "'max_output_tokens':4}", "{'q':'x'}").text())
        .isEqualTo(
            "xxxxxxxx\n[about 4194300 tokens cut]\nxxxxxxxx\n"
                + "[the answer was longer than 16 MiB; the rest was not read]");
  }

  @Test
  void aSecretGoesOutInItsHeaderAndNeverComesBack() throws Exception {
    answers(ok("you sent " + Peerage.TOKEN));
    String tool =
        ONCE.replace(
            "'idempotent'",
            "'headers':{'Authorization':{'env':'MY_TOKEN','prefix':'Bearer '}},'idempotent'");

    assertThat(call(tool, "{'q':'x'}").text()).isEqualTo("you sent [secret]");
    peer.http.verify(
        anyRequestedFor(anyUrl()).withHeader("Authorization", equalTo("Bearer " + Peerage.TOKEN)));
    assertThat(peer.environments.list().toString()).doesNotContain(Peerage.TOKEN);
  }

  @Test
  void interruptingTheRolloutEndsACallAtOnce() throws Exception {
    CompletableFuture<Throwable> outcome = new CompletableFuture<>();
    try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String tool = ONCE.replace("URL", "http://127.0.0.1:" + silent.getLocalPort());
      Thread rollout =
          Thread.startVirtualThread(() -> {
            try {
              outcome.complete(new AssertionError(call(tool, "{'q':'x'}").text()));
            } catch (EnvironmentLost | InterruptedException e) {
              outcome.complete(e);
            }
          });
      try (Socket connection = silent.accept()) {
        assertThat(connection.getInputStream().read()).isEqualTo('P');
        rollout.interrupt();
        assertThat(outcome.get(4, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
      }
    }
  }

  private Result call(String tool, String arguments) throws EnvironmentLost, InterruptedException {
    return peer.call(tool, "find", arguments);
  }

  private void answers(ResponseDefinitionBuilder response) {
    peer.http.stubFor(any(anyUrl()).willReturn(response));
  }
}
