package dev.turnstone.server.demo;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.equalToJson;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static com.github.tomakehurst.wiremock.core.WireMockConfiguration.wireMockConfig;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.tomakehurst.wiremock.junit5.WireMockExtension;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(30)
class DemoClientTest {
  @RegisterExtension
  static final WireMockExtension SERVER =
      WireMockExtension.newInstance().options(wireMockConfig().dynamicPort()).build();

  private DemoClient client = new DemoClient("");

  @BeforeEach
  void connect() {
    client = new DemoClient(SERVER.baseUrl());
  }

  @AfterEach
  void disconnect() {
    client.close();
  }

  @Test
  void tasksAreSubmittedWithTheirAnswerBesideThem() {
    SERVER.stubFor(post("/v1/runs/demo/groups").willReturn(okJson("{}").withStatus(202)));

    client.submit("demo", List.of(new DemoTasks.Task("g-0", 123, 456)));

    SERVER.verify(
        postRequestedFor(urlEqualTo("/v1/runs/demo/groups"))
            .withRequestBody(
                equalToJson(
                    """
                    {"groups":[{"group":"g-0","task":{
                      "messages":[{"role":"user","content":"What is 123 * 456?"}],
                      "data":{"answer":"56088"}}}]}
                    """)));
  }

  @Test
  void aRefusalIsTheServersOwnSentence() {
    SERVER.stubFor(
        post("/v1/runs")
            .willReturn(
                aResponse()
                    .withStatus(400)
                    .withBody("{\"error\":{\"message\":\"group_size < 1: 0\"}}")));

    assertThatThrownBy(() -> client.createRun(DemoRun.run("demo", "python", 8, 8, 1)))
        .isInstanceOf(DemoFailure.class)
        .hasMessage("POST /v1/runs was answered 400: group_size < 1: 0");
  }

  @Test
  void aServerThatIsGoneIsOneSentence() {
    try (DemoClient nobody = new DemoClient("http://127.0.0.1:1")) {
      assertThatThrownBy(() -> nobody.group("demo", "g-0"))
          .isInstanceOf(DemoFailure.class)
          .hasMessageStartingWith("GET http://127.0.0.1:1/v1/runs/demo/groups/g-0 failed: ");
    }
  }

  @Test
  void aGroupThatIsNotKnownIsEmpty() {
    SERVER.stubFor(get("/v1/runs/demo/groups/g-0").willReturn(aResponse().withStatus(404)));

    assertThat(client.group("demo", "g-0")).isEmpty();
  }

  @Test
  void eventsComeWithTheirNames() throws InterruptedException {
    SERVER.stubFor(
        get("/v1/runs/demo/events")
            .willReturn(
                aResponse()
                    .withHeader("Content-Type", "text/event-stream")
                    .withBody(
                        """
                        : ping

                        event: rollout
                        data: {"group":"g-0","generated_tokens":12}

                        event: weights
                        data: {"version":1}

                        """)));

    List<DemoClient.Event> events = new ArrayList<>();
    try (DemoEvents source = DemoEvents.of(client, "demo")) {
      while (events.size() < 2) events.addAll(source.take(Duration.ofSeconds(5)));
    }

    assertThat(events).extracting(DemoClient.Event::name).containsExactly("rollout", "weights");
    assertThat(events.getFirst().data().path("generated_tokens").asInt()).isEqualTo(12);
  }

  @Test
  void eventsThatAreRefusedEndTheDemo() {
    SERVER.stubFor(
        get("/v1/runs/demo/events")
            .willReturn(
                aResponse().withStatus(404).withBody("{\"error\":{\"message\":\"no run demo\"}}")));

    assertThatThrownBy(() -> DemoEvents.of(client, "demo"))
        .isInstanceOf(DemoFailure.class)
        .hasMessageContaining("no run demo");
  }

  @Test
  void aSandboxThatRunsNothingAnswersInTheWordsOfARealOne() throws Exception {
    try (DemoErrorSandbox sandbox = DemoErrorSandbox.start();
        HttpClient http = HttpClient.newHttpClient()) {
      var request =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + sandbox.port() + "/run_code"))
              .POST(HttpRequest.BodyPublishers.ofString("{\"code\":\"1\"}"))
              .build();

      var reply =
          DemoFixtures.json(http.send(request, HttpResponse.BodyHandlers.ofString()).body());

      assertThat(reply.path("status").asText()).isEqualTo("Failed");
      assertThat(reply.path("run_result").path("stderr").asText()).startsWith("Error");
    }
  }
}
