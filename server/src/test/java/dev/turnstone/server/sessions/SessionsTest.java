package dev.turnstone.server.sessions;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.server.TestServer;
import dev.turnstone.server.TestServer.Answer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import okhttp3.Call;
import okhttp3.Callback;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
final class SessionsTest {
  private static final String ONE = "{\"role\": \"user\", \"content\": \"1+1?\"}";

  private TestServer server;
  private JsonNode session;

  @BeforeEach
  void start(@TempDir Path data) throws InterruptedException {
    server =
        TestServer.start(
            data,
            "{\"api_keys\": [{\"key\": \"k\"}], \"retry_grace_s\": 0.4, \"reward_timeout_s\": 0.2}");
    server.authorize("k");
    session = server.post("/v1/sessions", "{}").json();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void aSessionIsRecordedFromItsFirstPromptToItsLastToken() {
    server.policy.says("call f {\"x\": 1}").says("2");
    JsonNode called = agent(body(ONE, true)).json().at("/choices/0/message");
    Answer answer =
        agent(
            body(
                ONE
                    + ","
                    + called
                    + ",{\"role\": \"tool\", \"tool_call_id\": \"call_0_0\", \"content\": \"2\"}",
                true));
    assertThat(answer.json().at("/choices/0/message/content").asText()).isEqualTo("2");

    JsonNode finished = post("/finish", "{\"reward\": 1, \"parts\": {\"exact\": 1}}").json();
    assertThat(finished.get("state").asText()).isEqualTo("finished");
    assertThat(finished.get("stop").asText()).isEqualTo("answer");
    assertThat(finished.get("turns").findValuesAsText("match")).containsExactly("clean", "clean");

    JsonNode trajectory = server.get(path("/trajectory")).json();
    assertThat(trajectory.get("rows")).hasSize(1);
    JsonNode row = trajectory.at("/rows/0");
    var last = server.policy.requests.getLast();
    int held = last.prompt().size();
    assertThat(row.get("ids")).hasSize(held + 2);
    for (int i = 0; i < held; i++)
      assertThat(row.at("/ids/" + i).asInt()).isEqualTo(last.prompt().get(i));
    assertThat(trajectory.get("reward").asDouble()).isEqualTo(1);
    // Finishing is idempotent.
    assertThat(post("/finish", "{}").json().get("reward").asDouble()).isEqualTo(1);
    assertThat(agent(body(ONE, false)).status()).isEqualTo(410);
  }

  @Test
  void thePolicyKnowsWhichTurnsFollowOneAnotherAndWhenNoneWill() {
    server.policy.says("2").says("4");
    JsonNode said = agent(body(ONE, false)).json().at("/choices/0/message");
    agent(body(ONE + "," + said + ",{\"role\": \"user\", \"content\": \"2+2?\"}", false));
    List<Optional<String>> conversations =
        server.policy.requests.stream().map(request -> request.conversation()).toList();
    assertThat(conversations.getFirst()).isPresent();
    assertThat(conversations.get(1)).isEqualTo(conversations.getFirst());
    assertThat(server.policy.over).isEmpty();
    post("/finish", "{\"reward\": 1}");
    assertThat(server.policy.over).containsExactly(conversations.getFirst().get());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "/v1/completions | {'prompt': '1+1?'}",
        "/v1/completions | {'prompt': [49, 43, 49], 'stream': true}",
        "/v1/messages    | {'max_tokens': 9, 'messages': [{'role': 'user', 'content': '1+1?'}]}",
        "/v1/responses   | {'input': '1+1?'}",
        "/v1/responses   | {'input': '1+1?', 'stream': true}",
      })
  void whateverWireAnAgentSpeaksItsTokensAreRecorded(String route, String body) {
    server.policy.says("two");
    String own = "/sessions/" + session.get("id").asText() + route;
    assertThat(server.post(own, body.replace('\'', '"')).status()).isEqualTo(200);
    post("/finish", "{\"reward\": 1}");
    JsonNode row = server.get(path("/trajectory")).json().at("/rows/0");
    var asked = server.policy.requests.getLast().prompt();
    assertThat(row.get("ids")).hasSize(asked.size() + 4);
    for (int i = 0; i < asked.size(); i++)
      assertThat(row.at("/ids/" + i).asInt()).isEqualTo(asked.get(i));
    assertThat(row.at("/ids/" + asked.size()).asInt()).isEqualTo('t' + 1);
  }

  @Test
  void aResponseGoesOnInItsSession() {
    server.policy.says("two").says("four");
    String own = "/sessions/" + session.get("id").asText() + "/v1/responses";
    String first = server.post(own, "{\"input\": \"1+1?\"}").json().get("id").asText();
    server.post(own, "{\"input\": \"2+2?\", \"previous_response_id\": \"%s\"}".formatted(first));
    assertThat(state().at("/turns/1/match").asText()).isEqualTo("clean");
    assertThat(state().at("/turns/1/follows").asInt()).isZero();
    assertThat(server.post(own, "{\"input\": \"x\", \"background\": true}").error())
        .contains("in the background");
  }

  @Test
  void theKeyAloneNamesTheSessionAndOpensNothingElse() {
    server.policy.says("2");
    String key = session.get("agent_key").asText();
    assertThat(keyed("/v1/chat/completions", key, body(ONE, false)).status()).isEqualTo(200);
    assertThat(state().get("turns")).hasSize(1);

    JsonNode other = server.post("/v1/sessions", "{}").json();
    String own = "/sessions/" + session.get("id").asText() + "/v1/chat/completions";
    assertThat(keyed(own, other.get("agent_key").asText(), body(ONE, false)).status())
        .isEqualTo(403);
    assertThat(keyed(path("/reward"), key, "{\"reward\": 1}").status()).isEqualTo(403);
    assertThat(keyed(own, key + "x", body(ONE, false)).status()).isEqualTo(401);
  }

  @Test
  void anAgentCannotPayItselfWhereEverybodyElseMay(@TempDir Path data) throws Exception {
    try (TestServer open = TestServer.start(data)) {
      JsonNode own = open.post("/v1/sessions", "{}").json();
      Request.Builder reward = open.to("/v1/sessions/" + own.get("id").asText() + "/reward");
      reward.header("Authorization", "Bearer " + own.get("agent_key").asText());
      assertThat(TestServer.send(reward.post(json("{\"reward\": 1}")).build()).status())
          .isEqualTo(403);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"Idempotency-Key: a", "x-stainless-retry-count: 1"})
  void aRetryJoinsTheCallThatRuns(String header) throws Exception {
    server.policy.waitsBefore("2");
    String[] named = header.split(": ", 2);
    CompletableFuture<Answer> first =
        CompletableFuture.supplyAsync(() -> agent(body(ONE, false), "Idempotency-Key", "a"));
    assertThat(server.policy.silent.await(10, TimeUnit.SECONDS)).isTrue();
    CompletableFuture<Answer> second =
        CompletableFuture.supplyAsync(() ->
            named[0].equals("Idempotency-Key")
                ? agent(body(ONE, false), "Idempotency-Key", "a")
                : agent(body(ONE, false), named[0], named[1]));
    assertThat(state().get("running").asInt()).isEqualTo(1);
    server.policy.go.countDown();
    assertThat(first.get().json()).isEqualTo(second.get().json());
    assertThat(server.policy.requests).hasSize(1);
  }

  @Test
  void aKeyWithAnotherBodyIsRefused() {
    server.policy.says("2");
    agent(body(ONE, false), "Idempotency-Key", "a");
    Answer other = agent(body(ONE, true), "Idempotency-Key", "a");
    assertThat(other.status()).isEqualTo(400);
    assertThat(other.error()).contains("was sent with another body");
  }

  @Test
  void twoEqualCallsThatAreBothReadAreTwoSamples() {
    server.policy.says("2").says("two");
    assertThat(content(agent(body(ONE, false)))).isEqualTo("2");
    assertThat(content(agent(body(ONE, false)))).isEqualTo("two");
    assertThat(state().get("turns").findValuesAsText("reason"))
        .containsExactly("", "sampled_again");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aLostConnectionIsHeldForItsRetry(boolean stream) throws Exception {
    server.policy.waitsBefore("2");
    String body = body(ONE, false, stream);
    lose(body);
    await(path(""), "lost", "1");
    CompletableFuture<Answer> retried = CompletableFuture.supplyAsync(() -> agent(body));
    server.policy.go.countDown();
    assertThat(retried.get().status()).isEqualTo(200);
    assertThat(retried.get().text()).contains("2");
    if (stream) assertThat(retried.get().events()).endsWith("[DONE]").hasSizeGreaterThan(3);
    assertThat(server.policy.requests).hasSize(1);
    assertThat(state().get("turns")).hasSize(1);
  }

  @Test
  void aLostConnectionWithoutARetryEndsItsTurn() throws Exception {
    server.policy.hangsAfter("2");
    lose(body(ONE, false));
    assertThat(server.policy.aborted.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(state().get("turns")).isEmpty();
    server.policy.says("3");
    assertThat(content(agent(body(ONE, false)))).isEqualTo("3");
    assertThat(state().get("turns").findValuesAsText("match")).containsExactly("fork");
  }

  @Test
  void anAbandonedSessionIsClosedByItsDeadline() throws Exception {
    JsonNode brief = server.post("/v1/sessions", "{\"deadline_s\": 0.2}").json();
    JsonNode state = awaitFinished("/v1/sessions/" + brief.get("id").asText());
    assertThat(state.get("stop").asText()).isEqualTo("client_gone");
  }

  @Test
  void turnsAreSampledAsTheSessionSays() {
    session = server.post("/v1/sessions", "{\"sampling\": {\"temperature\": 0.5}}").json();
    server.policy.says("2");
    agent("{\"messages\": [" + ONE + "], \"temperature\": 0, \"top_p\": 0.5}");
    Sampling drawn = server.policy.requests.getLast().sampling();
    assertThat(drawn.temperature()).isEqualTo(0.5);
    assertThat(drawn.changesDistribution()).isFalse();
  }

  @Test
  void turnsHaveRewardsOfTheirOwn() {
    server.policy.says("2");
    agent(body(ONE, false));
    assertThat(post("/reward", "{\"reward\": 0.25, \"turn\": 0}").status()).isEqualTo(200);
    assertThat(post("/reward", "{\"reward\": 1, \"turn\": 1}").error()).contains("turn 1 of 1");
    post("/finish", "{\"reward\": 1}");
    assertThat(server.get(path("/trajectory")).text()).contains("0.25");
  }

  @Test
  void aSessionThatIsFinishedWithoutARewardIsUnscored() {
    server.policy.says("2");
    agent(body(ONE, false));
    assertThat(post("/finish", "{}").json().get("reward").isNull()).isTrue();
  }

  @Test
  void aRunsGroupIsMadeOfItsAgentsSessions() throws Exception {
    server.post(
        "/v1/runs",
        "{\"run\": \"r\", \"driver\": \"agent\", \"group_size\": 2, \"limits\": {\"max_turns\": 2}}");
    Answer submitted =
        server.post(
            "/v1/runs/r/groups", "{\"group\": \"g\", \"task\": {\"messages\": [" + ONE + "]}}");
    assertThat(submitted.status()).as(submitted.text()).isEqualTo(202);
    JsonNode sessions = submitted.json().get("sessions");
    assertThat(sessions).hasSize(2);
    server.policy.says("2").says("3").says("sub").says("4");
    for (int index = 0; index < 2; index++) {
      session = sessions.get(index);
      assertThat(session.get("base_url").asText()).endsWith("~g~" + index + "~0/v1");
      assertThat(agent(body(ONE, false)).status()).isEqualTo(200);
      assertThat(agent("{\"messages\": [{\"role\": \"user\", \"content\": \"sub\"}]}").status())
          .isEqualTo(200);
      Answer third = agent(body(ONE, true));
      assertThat(third.status()).isEqualTo(400);
      assertThat(third.error()).contains("max_turns");
      post("/finish", "{\"reward\": " + index + "}");
    }
    JsonNode group = awaitState("/v1/runs/r/groups/g", "complete");
    assertThat(group.get("sessions")).isEmpty();
    JsonNode rollout = server.get("/v1/runs/r/rollouts/g/1").json();
    assertThat(rollout.get("reward").asDouble()).isEqualTo(1);
    assertThat(rollout.get("rows")).hasSize(2);
    assertThat(rollout.at("/rows/1/flags/0").asText()).isEqualTo("fork:new_conversation");
    // The session is closed; finishing it again is answered the same.
    assertThat(agent(body(ONE, false)).status()).isEqualTo(410);
    assertThat(post("/finish", "{}").json().get("stop").asText()).isEqualTo("answer");
  }

  @Test
  void aCancelledRunClosesItsSessions() throws Exception {
    server.post("/v1/runs", "{\"run\": \"r\", \"driver\": \"agent\", \"group_size\": 2}");
    session =
        server
            .post(
                "/v1/runs/r/groups", "{\"group\": \"g\", \"task\": {\"messages\": [" + ONE + "]}}")
            .json()
            .at("/sessions/0");
    server.policy.says("2");
    assertThat(agent(body(ONE, false)).status()).isEqualTo(200);
    server.delete("/v1/runs/r");
    awaitState("/v1/runs/r/groups/g", "dropped");
  }

  private JsonNode awaitState(String path, String state) throws InterruptedException {
    return await(path, "state", state);
  }

  private JsonNode await(String path, String field, String value) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (System.nanoTime() < deadline) {
      JsonNode now = server.get(path).json();
      if (now.get(field).asText().equals(value)) return now;
      new CountDownLatch(1).await(20, TimeUnit.MILLISECONDS);
    }
    throw new AssertionError(server.get(path).text());
  }

  private JsonNode awaitFinished(String path) throws InterruptedException {
    return awaitState(path, "finished");
  }

  /// Sends a call and loses its connection while the policy thinks.
  private void lose(String body) throws InterruptedException {
    Call call = TestServer.CLIENT.newCall(toAgent(body, Map.of()));
    CountDownLatch lost = new CountDownLatch(1);
    call.enqueue(
        new Callback() {
          @Override
          public void onFailure(Call failed, IOException e) {
            lost.countDown();
          }

          @Override
          public void onResponse(Call answered, Response response) {
            try (response) {
              response.body().string();
            } catch (IOException e) {
              lost.countDown();
            }
          }
        });
    assertThat(server.policy.silent.await(10, TimeUnit.SECONDS)).isTrue();
    call.cancel();
    assertThat(lost.await(10, TimeUnit.SECONDS)).isTrue();
  }

  private static String body(String messages, boolean tools) {
    return body(messages, tools, false);
  }

  private static String body(String messages, boolean tools, boolean stream) {
    String offered =
        tools ? ", \"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]" : "";
    return "{\"messages\": [" + messages + "]" + offered + ", \"stream\": " + stream + "}";
  }

  private static String content(Answer answer) {
    return answer.json().at("/choices/0/message/content").asText();
  }

  private Answer agent(String body, String... header) {
    return TestServer.send(
        toAgent(body, header.length == 0 ? Map.of() : Map.of(header[0], header[1])));
  }

  private Request toAgent(String body, Map<String, String> headers) {
    Request.Builder request =
        new Request.Builder()
            .url(session.get("base_url").asText() + "/chat/completions")
            .header("Authorization", "Bearer " + session.get("agent_key").asText());
    headers.forEach(request::header);
    return request.post(json(body)).build();
  }

  private Answer keyed(String path, String key, String body) {
    return TestServer.send(
        server.to(path).header("Authorization", "Bearer " + key).post(json(body)).build());
  }

  private static RequestBody json(String body) {
    return RequestBody.create(body, MediaType.get("application/json"));
  }

  private Answer post(String path, String body) {
    return server.post(path(path), body);
  }

  private JsonNode state() {
    return server.get(path("")).json();
  }

  private String path(String more) {
    return "/v1/sessions/" + session.get("id").asText() + more;
  }
}
