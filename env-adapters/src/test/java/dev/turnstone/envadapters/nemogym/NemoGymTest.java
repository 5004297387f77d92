package dev.turnstone.envadapters.nemogym;

import static com.github.tomakehurst.wiremock.client.WireMock.containing;
import static com.github.tomakehurst.wiremock.client.WireMock.matchingJsonPath;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.status;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static org.assertj.core.api.Assertions.assertThat;

import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Observation;
import dev.turnstone.rollout.Observation.Result;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Wire formats as in NeMo Gym 0.7's agents.
final class NemoGymTest {
  private static final String ROW =
      """
      {"expected":7,"responses_create_params":{"input":[{"role":"user","content":"?"}],"tools":[
        {"type":"function","name":"add","description":"Adds.","parameters":{"type":"object"}}]}}
      """;

  private final WireMockServer http =
      new WireMockServer(WireMockConfiguration.options().dynamicPort().bindAddress("127.0.0.1"));
  private final Environments environments =
      new Environments(ToolAddressPolicy.of(List.of("127.0.0.1")), _ -> Optional.empty());

  @BeforeEach
  void start() {
    http.start();
  }

  @AfterEach
  void stop() {
    environments.close();
    http.stop();
  }

  @Test
  void aSessionIsSeededToolsAreRoutesAndVerifyScores() throws Exception {
    http.stubFor(
        post("/seed_session").willReturn(okJson("{}").withHeader("Set-Cookie", "gym=s1; Path=/")));
    http.stubFor(
        post("/add")
            .withHeader("Cookie", containing("gym=s1"))
            .willReturn(okJson("{\"sum\":7}").withHeader("Set-Cookie", "gym=s2; Path=/")));
    http.stubFor(
        post("/verify")
            .withHeader("Cookie", containing("gym=s2"))
            .willReturn(okJson("{\"reward\":0.5,\"reward_components\":{\"sum\":1.0}}")));
    ToolCall call = new ToolCall("c1", "add", new Json("{\"a\":3}"));

    try (Environment.Session session = open("tools")) {
      assertThat(session.tools()).extracting(ToolSpec::name).containsExactly("add");
      assertThat(session.step(List.of(call)).results().getFirst().text()).isEqualTo("{\"sum\":7}");
      Reward reward =
          session
              .score(
                  List.of(
                      new Message.User("?"),
                      new Message.Assistant("", List.of(call)),
                      new Message.Tool("c1", "add", "{\"sum\":7}"),
                      new Message.Assistant("7", List.of())))
              .orElseThrow();
      assertThat(reward.value()).isEqualTo(0.5);
      assertThat(reward.parts()).containsEntry("environment.sum", 1.0);
    }
    http.verify(
        postRequestedFor(urlEqualTo("/verify"))
            .withRequestBody(matchingJsonPath("$[?(@.expected == 7)]"))
            .withRequestBody(matchingJsonPath("$.response.output[0][?(@.type == 'function_call')]"))
            .withRequestBody(
                matchingJsonPath("$.response.output[1][?(@.type == 'function_call_output')]"))
            .withRequestBody(
                matchingJsonPath("$.response.output[2].content[0][?(@.text == '7')]")));
  }

  @Test
  void anErrorOfAToolIsForThePolicyToRead() throws Exception {
    http.stubFor(post("/seed_session").willReturn(okJson("{}")));
    http.stubFor(post("/add").willReturn(status(500).withBody("bad sum")));

    try (Environment.Session session = open("tools")) {
      ToolCall call = new ToolCall("c1", "add", Json.EMPTY_OBJECT);
      assertThat(session.step(List.of(call)).results().getFirst())
          .isInstanceOf(Result.Failed.class)
          .returns("bad sum", Result::text);
    }
  }

  @Test
  void inGymnasiumStyleEveryTurnIsAStep() throws Exception {
    http.stubFor(
        post("/reset")
            .willReturn(
                okJson(
                    "{\"observation\":\"Guess.\",\"info\":{\"supports_explicit_close\":true}}")));
    http.stubFor(
        post("/step")
            .withRequestBody(matchingJsonPath("$.response.output[0][?(@.type == 'message')]"))
            .willReturn(
                okJson(
                    "{\"observation\":\"Again.\",\"reward\":0.25,\"terminated\":false,\"truncated\":false,\"info\":{}}")));
    http.stubFor(
        post("/step")
            .withRequestBody(matchingJsonPath("$.response.output[0][?(@.type == 'function_call')]"))
            .willReturn(
                okJson(
                    "{\"observation\":null,\"reward\":1.0,\"terminated\":true,\"truncated\":false,\"info\":{\"tool_outputs\":[{\"call_id\":\"c1\",\"output\":\"found\"}]}}")));
    http.stubFor(post("/close").willReturn(okJson("{}")));

    try (Environment.Session session = open("gymnasium")) {
      assertThat(session.opening()).containsExactly(new Message.User("Guess."));
      Observation said = session.reply("four").orElseThrow();
      assertThat(said.messages()).containsExactly(new Message.User("Again."));
      assertThat(said.reward()).contains(0.25);
      Observation called = session.step(List.of(new ToolCall("c1", "add", Json.EMPTY_OBJECT)));
      assertThat(called.results().getFirst().text()).isEqualTo("found");
      assertThat(called.done()).isTrue();
    }
    http.verify(postRequestedFor(urlEqualTo("/close")));
  }

  private Environment.Session open(String style) throws Exception {
    environments.register(
        EnvironmentSpec.parse(
            """
            {"environment":"e","tools":[{"kind":"nemo_gym","name":"g","url":"%s","style":"%s"}],
             "rewards":[{"kind":"%s"}]}
            """
                .formatted(
                    http.baseUrl(), style, style.equals("tools") ? "environment" : "steps")));
    Task task = new Task("g", List.of(new Message.User("?")), "e", new Json(ROW));
    return environments.lookup("e").orElseThrow().open(task, 1, Duration.ofSeconds(30));
  }
}
